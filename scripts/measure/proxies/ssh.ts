import { freePorts } from '../../lib/free-ports.ts';
import { listens, type SocksProxy, startProgram, stopProgram } from './proxy.ts';
import { sshCommands } from './ssh-commands.ts';

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
  const [port = 0, socksPort = 0] = await freePorts(2);
  const ssh = await sshCommands({ folder, address: '127.0.0.1', port, socksPort, cipher });
  const server = startProgram(...ssh.server);
  stack.defer(() => stopProgram(server));
  await listens(port, 'sshd');
  const client = startProgram(...ssh.client);
  stack.defer(() => stopProgram(client));
  await listens(socksPort, name);
  return { name, port: socksPort };
}
