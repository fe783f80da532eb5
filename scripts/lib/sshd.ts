import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, unpackedProgram } from './unpacked-package.ts';

/** OpenSSH's server, as a program to be started by hand. */
export interface Sshd {
  file: string;
  /** Lines of its configuration that it needs to find its own parts. */
  config: string[];
}

/** @throws {CommandError} when it is not installed, and can be had from no mirror */
export async function findSshd(): Promise<Sshd> {
  // Where Debian's sshd keeps its unprivileged child.
  await mkdir('/run/sshd', { recursive: true });
  const { file, folder } = await unpackedProgram('openssh-server', '/usr/sbin/sshd');
  if (folder === '/') return { file, config: [] };
  const helpers = join(folder, 'usr/lib/openssh');
  const parts = [
    ['SshdSessionPath', join(helpers, 'sshd-session')],
    ['SshdAuthPath', join(helpers, 'sshd-auth')],
  ] as const;
  const there = await Promise.all(parts.map(([, path]) => exists(path)));
  return { file, config: parts.filter((_, at) => there[at]).map(([key, path]) => `${key} ${path}`) };
}
