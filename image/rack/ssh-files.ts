import { resolve } from 'node:path';
import { RackError } from './error.ts';
import type { RackFiles } from './files.ts';
import type { RackLock } from './lock-file.ts';

const HEAD = "# Written by 'skyminer rack' whenever the rack changes.\n";

/** OpenSSH's `known_hosts`: the host keys of all boards, under their names and addresses. */
export function knownHostsText({ boards }: RackLock): string {
  const lines = Object.entries(boards).flatMap(([board, { ssh_host_key, address }]) => {
    const names = address === undefined ? board : `${board},${address}`;
    return ssh_host_key === undefined ? [] : `${names} ${ssh_host_key}\n`;
  });
  return HEAD + lines.join('');
}

/**
 * OpenSSH's client configuration: `ssh -F ssh_config node1` is the command line of a board, `admin@node1` its shell.
 *
 * @throws {RackError} when no file can be named in it that lies in this folder
 */
export function sshConfigText({ boards }: RackLock, files: RackFiles): string {
  const names = Object.keys(boards);
  if (names.length === 0) return HEAD;
  const hosts = Object.entries(boards).map(
    ([board, { address }]) => `\nHost ${board}\n  HostName ${address ?? board}\n  HostKeyAlias ${board}\n`,
  );
  // Found by the board's name, so that a board by DHCP is known wherever it is. Nothing that it says is added.
  const all = [
    `\nHost ${names.join(' ')}`,
    '  User viscript',
    `  UserKnownHostsFile ${quoted(resolve(files.knownHosts))}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '',
  ];
  return [HEAD, ...hosts, all.join('\n')].join('');
}

/** A path in ssh_config(5), where `%` and `${` begin what is replaced. */
function quoted(path: string): string {
  if (/\p{Cc}|"|\\|\$\{/u.test(path))
    throw new RackError(
      `${path} cannot be named in ssh_config: use a folder without quotes, backslashes, \${ and control characters`,
    );
  return `"${path.replaceAll('%', '%%')}"`;
}
