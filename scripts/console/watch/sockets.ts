import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ourFolder } from '../../../services/viscript/paths.ts';

/**
 * Folder of the sockets of this user's consoles, mode 0700: the kernel lets nobody else in but root.
 *
 * @throws {NotOurFolder} where another user has made it
 */
export function socketFolder(environment: NodeJS.ProcessEnv): string {
  const { XDG_RUNTIME_DIR: runtime } = environment;
  return ourFolder(
    runtime ? join(runtime, 'skyminer-console') : join(tmpdir(), `skyminer-console-${process.getuid?.()}`),
  );
}

/** Path of the socket for a port, whatever it is called. Short, for sockets' paths have 107 bytes at most. */
export function socketPath(folder: string, place: string): string {
  const isShort = /^[\w.:@-]{1,40}$/.test(place);
  const name = isShort ? place : createHash('sha256').update(place).digest('hex').slice(0, 32);
  return join(folder, `${name}.sock`);
}
