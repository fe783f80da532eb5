import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../lib/free-ports.ts';
import { findSshd } from '../../lib/sshd.ts';
import { timeCommand } from '../process.ts';
import { listens, type SocksProxy, startProgram, stopProgram } from './proxy.ts';

/**
 * `ssh -D` to an sshd of its own on loopback, with keys made for this.
 *
 * @param cipher undefined for what both prefer
 */
export async function startSsh(
  folder: string,
  name: string,
  cipher: string | undefined,
  stack: AsyncDisposableStack,
): Promise<SocksProxy> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [serverPort = 0, port = 0] = await freePorts(2);
  const [hostKey, userKey] = [join(folder, 'host'), join(folder, 'user')];
  for (const key of [hostKey, userKey])
    await timeCommand({ file: 'ssh-keygen', args: ['-q', '-t', 'ed25519', '-N', '', '-f', key] });
  const authorized = `${userKey}.pub`;
  const config = join(folder, 'sshd_config');
  const sshd = await findSshd();
  await writeFile(
    config,
    [
      `Port ${serverPort}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${authorized}`,
      'PasswordAuthentication no',
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      ...sshd.config,
      '',
    ].join('\n'),
  );
  await chmod(authorized, 0o600);
  const [command, ...args] = [...sshd.command, '-D', '-e', '-f', config];
  const server = startProgram(command, args);
  stack.defer(() => stopProgram(server));
  await listens(serverPort, 'sshd');
  const client = startProgram('ssh', [
    ...['-N', '-D', `127.0.0.1:${port}`, '-p', String(serverPort), '-i', userKey, '-F', 'none'],
    ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
    ...(cipher === undefined ? [] : ['-c', cipher]),
    `${userInfo().username}@127.0.0.1`,
  ]);
  stack.defer(() => stopProgram(client));
  await listens(port, name);
  return { name, port };
}
