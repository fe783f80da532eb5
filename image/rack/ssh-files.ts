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
  const hosts = Object.entries(boards).map(([board, { address }]) => ({ board, host: address ?? board }));
  return HEAD + sshHostsText(hosts, files.knownHosts);
}

/** Where a board's SSH is reached. */
export interface SshHost {
  /** Its name, by which its host key is known. */
  board: string;
  host: string;
  /** Default: that of SSH. */
  port?: number;
}

/**
 * The same for boards that are reached in another way.
 *
 * @throws {RackError} when `knownHosts` cannot be named in it
 */
export function sshHostsText(boards: readonly SshHost[], knownHosts: string): string {
  if (boards.length === 0) return '';
  const hosts = boards.map(
    ({ board, host, port }) =>
      `\nHost ${board}\n  HostName ${host}\n${port === undefined ? '' : `  Port ${port}\n`}  HostKeyAlias ${board}\n`,
  );
  // Found by the board's name, so that a board by DHCP is known wherever it is. Nothing that it says is added.
  const all = [
    `\nHost ${boards.map(({ board }) => board).join(' ')}`,
    '  User viscript',
    `  UserKnownHostsFile ${quoted(resolve(knownHosts))}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '',
  ];
  return [...hosts, all.join('\n')].join('');
}

/** A path in ssh_config(5), where `%` and `${` begin what is replaced. */
function quoted(path: string): string {
  if (/\p{Cc}|"|\\|\$\{/u.test(path))
    throw new RackError(
      `${path} cannot be named in ssh_config: use a folder without quotes, backslashes, \${ and control characters`,
    );
  return `"${path.replaceAll('%', '%%')}"`;
}
