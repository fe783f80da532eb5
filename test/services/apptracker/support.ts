import { once } from 'node:events';
import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';
import { TrackerClient } from '../../../services/names/client.ts';
import { launch, type Program } from '../mesh/program.ts';

export interface TrackerProcess extends Omit<Program, 'line'> {
  /** Resolves with the next line on standard output that `pattern` fits. */
  line(pattern: RegExp): Promise<string>;
}

/** The program itself, run by the Node of the lock file. */
export function launchTracker(args: string[], environment: Record<string, string> = {}): TrackerProcess {
  const program = launch('services/apptracker/main.ts', args, environment);
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const next = await program.line();
      if (pattern.test(next)) return next;
    }
  };
  return { ...program, line };
}

/** A tracker that listens; `address` is HOST:PORT. */
export async function startTracker(
  folder: string,
  port = '0',
): Promise<TrackerProcess & { address: string }> {
  const tracker = launchTracker([port], { STATE_DIRECTORY: folder });
  const line = await tracker.line(/^listening on /);
  return { ...tracker, address: line.replace('listening on ', '') };
}

/** A port that was free a moment ago, for a tracker that is to come back on it. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('no port');
  return String(address.port);
}

export async function connectTo(address: string): Promise<TrackerClient> {
  const client = await TrackerClient.connect(address);
  onTestFinished(() => client.close());
  return client;
}

export const entryOf = (name: string, type = 'socks') => ({
  name,
  type,
  node: 'ab'.repeat(32),
  address: `${name}:1`,
});

/** 43 characters that are not secret at all, another for each `who`. */
export const secretOf = (who: string) => who.padEnd(43, '_');
