import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { CommandError } from '../run.ts';

/** A file that belongs to others than root, as the packages have it. Numbers, for the board's accounts are not this machine's. */
export interface Owned {
  /** Path without a leading slash. */
  path: string;
  uid: number;
  gid: number;
}

/**
 * Unpacks Debian packages over a folder without running anything that is in them, and without needing root:
 * files get this user as owner, and the owners they should have are returned.
 *
 * @param patterns of tar, what to leave out (`excludeFrom`, a file) or what to take alone (`only`)
 * @throws CommandError when a package is damaged
 */
export async function extractPackages(
  debs: readonly string[],
  root: string,
  patterns: { excludeFrom?: string; only?: readonly string[] } = {},
): Promise<Owned[]> {
  const owned: Owned[] = [];
  for (const deb of debs) owned.push(...(await extractPackage(deb, root, patterns)));
  return owned;
}

async function extractPackage(
  deb: string,
  root: string,
  { excludeFrom, only }: { excludeFrom?: string; only?: readonly string[] },
): Promise<Owned[]> {
  const tarArgs = [
    ...['--extract', '--verbose', '--verbose', '--directory', root],
    ...['--numeric-owner', '--no-same-owner', '--preserve-permissions', '--keep-directory-symlink'],
    ...['--quoting-style=literal', '--wildcards'],
    ...(excludeFrom === undefined ? [] : ['--anchored', '--exclude-from', excludeFrom]),
    ...(only ?? []),
  ];
  const unpack = spawn('dpkg-deb', ['--fsys-tarfile', deb], { stdio: ['ignore', 'pipe', 'pipe'] });
  const tar = spawn('tar', tarArgs, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
  });
  const messages: string[] = [];
  for (const stream of [unpack.stderr, tar.stderr]) {
    stream.on('data', (chunk: Buffer) => messages.push(chunk.toString()));
  }
  // What tar has no use for breaks the pipe; a real failure shows in the exit statuses.
  tar.stdin.on('error', (error) => messages.push(`tar: ${error.message}\n`));
  unpack.stdout.pipe(tar.stdin);
  const ends = Promise.all([exitOf(unpack, 'dpkg-deb'), exitOf(tar, 'tar')]);
  const owned: Owned[] = [];
  for await (const line of createInterface({ input: tar.stdout })) {
    const entry = parseOwner(line);
    if (entry !== undefined) owned.push(entry);
  }
  await finished(tar.stdout);
  const failed = (await ends).find(({ status }) => status !== 0);
  if (failed !== undefined) {
    const tail = [`${deb}:`, ...messages.join('').trim().split('\n')].slice(-10);
    throw new CommandError(failed.command, [deb], `exited with status ${failed.status}`, failed.status, tail);
  }
  return owned;
}

/** The owner in a line of `tar -vv`, unless it is root: `-rwxr-sr-x 0/42 80264 2025-01-01 10:00 ./usr/bin/chage`. */
export function parseOwner(line: string): Owned | undefined {
  const match = /^\S{10,11} +(\d+)\/(\d+) +\S+ \S+ \S+ \.\/(.*?)\/?(?: -> .*| link to .*)?$/.exec(line);
  if (match === null) return undefined;
  const [, uid, gid, path = ''] = match;
  return uid === '0' && gid === '0' ? undefined : { path, uid: Number(uid), gid: Number(gid) };
}

function exitOf(
  child: ReturnType<typeof spawn>,
  command: string,
): Promise<{ command: string; status: number | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      reject(new CommandError(command, [], `failed: ${error.message}`, null, [], { cause: error }));
    });
    child.on('close', (status) => resolve({ command, status }));
  });
}
