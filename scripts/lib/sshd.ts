import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, unpackedProgram } from './unpacked-package.ts';

/** OpenSSH's server, as a program to be started by hand. */
export interface Sshd {
  /** The command and the arguments that come before the server's own. */
  command: [file: string, ...args: string[]];
  /** Lines of its configuration that it needs to find its own parts. */
  config: string[];
}

/** What Debian's package adds to the accounts: the server's child without rights runs as this user. */
const ACCOUNT = 'sshd:x:65534:65534::/run/sshd:/usr/sbin/nologin';
/** Starts a program that sees another file of accounts; nobody else does. */
const WITH_ACCOUNTS = 'mount --bind "$0" /etc/passwd && exec "$@"';

/** Needs root. @throws {CommandError} when it is not installed, and can be had from no mirror */
export async function findSshd(): Promise<Sshd> {
  // Where Debian's sshd keeps its unprivileged child.
  await mkdir('/run/sshd', { recursive: true });
  const { file, folder } = await unpackedProgram('openssh-server', '/usr/sbin/sshd');
  if (folder === '/') return { command: [file], config: [] };
  const helpers = join(folder, 'usr/lib/openssh');
  const parts = [
    ['SshdSessionPath', join(helpers, 'sshd-session')],
    ['SshdAuthPath', join(helpers, 'sshd-auth')],
  ] as const;
  const there = await Promise.all(parts.map(([, path]) => exists(path)));
  return {
    command: await withAccount(file, folder),
    config: parts.filter((_, at) => there[at]).map(([key, path]) => `${key} ${path}`),
  };
}

async function withAccount(file: string, folder: string): Promise<Sshd['command']> {
  const accounts = await readFile('/etc/passwd', 'utf8');
  if (/^sshd:/m.test(accounts)) return [file];
  const more = join(folder, 'passwd');
  await writeFile(more, `${accounts}${ACCOUNT}\n`);
  return ['unshare', '--mount', 'sh', '-c', WITH_ACCOUNTS, more, file];
}
