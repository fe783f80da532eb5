import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findSshd } from '../../lib/sshd.ts';
import { timeCommand } from '../process.ts';

/** Two commands: a server, and a client that takes SOCKS on a port of 127.0.0.1. */
export interface SshCommands {
  server: [file: string, args: string[]];
  client: [file: string, args: string[]];
}

export interface SshOptions {
  /** Folder for keys, which are made for this. */
  folder: string;
  /** Where the server listens. */
  address: string;
  port: number;
  /** Where the client takes SOCKS, on 127.0.0.1. */
  socksPort: number;
  /** Undefined for what both prefer. */
  cipher?: string | undefined;
}

/** `ssh -D` and an sshd of its own. */
export async function sshCommands(options: SshOptions): Promise<SshCommands> {
  const { folder, address, port, socksPort, cipher } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [hostKey, userKey] = [join(folder, 'host'), join(folder, 'user')];
  for (const key of [hostKey, userKey])
    await timeCommand({ file: 'ssh-keygen', args: ['-q', '-t', 'ed25519', '-N', '', '-f', key] });
  const authorized = `${userKey}.pub`;
  await chmod(authorized, 0o600);
  const config = join(folder, 'sshd_config');
  const sshd = await findSshd();
  const lines = [
    `Port ${port}`,
    `ListenAddress ${address}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    'PasswordAuthentication no',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    ...sshd.config,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const client = [
    ...['-N', '-D', `127.0.0.1:${socksPort}`, '-p', String(port), '-i', userKey, '-F', 'none'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ...(cipher === undefined ? [] : ['-c', cipher]),
    `${userInfo().username}@${address}`,
  ];
  const [file, ...args] = sshd.command;
  return { server: [file, [...args, '-D', '-e', '-f', config]], client: ['ssh', client] };
}
