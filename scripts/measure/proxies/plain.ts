import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../lib/free-ports.ts';
import { unpackedProgram } from '../../lib/unpacked-package.ts';
import { listens, pidOf, type SocksProxy, startProgram, stopProgram } from './proxy.ts';

/** microsocks: a SOCKS server in C that encrypts nothing. */
export async function startMicrosocks(stack: AsyncDisposableStack): Promise<SocksProxy> {
  const [port = 0] = await freePorts(1);
  const child = startProgram('microsocks', ['-i', '127.0.0.1', '-p', String(port)]);
  stack.defer(() => stopProgram(child));
  await listens(port, 'microsocks');
  return { name: 'microsocks, plain', port };
}

/** dante: another one. */
export async function startDante(folder: string, stack: AsyncDisposableStack): Promise<SocksProxy> {
  const { file } = await unpackedProgram('dante-server', '/usr/sbin/danted');
  const [port = 0] = await freePorts(1);
  const config = join(folder, 'danted.conf');
  await writeFile(
    config,
    [
      'logoutput: /dev/null',
      `internal: 127.0.0.1 port = ${port}`,
      'external: lo',
      'clientmethod: none',
      'socksmethod: none',
      'client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }',
      'socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }',
      '',
    ].join('\n'),
  );
  const child = startProgram(file, ['-f', config]);
  stack.defer(() => stopProgram(child));
  await listens(port, 'dante');
  return { name: 'dante, plain', port };
}

/**
 * A Node.js program that pipes one port to another: what Node.js itself can do.
 *
 * @returns the port on which it listens, and its process
 */
export async function startPipe(
  target: number,
  stack: AsyncDisposableStack,
): Promise<{ port: number; pid: number }> {
  const [port = 0] = await freePorts(1);
  const child = startProgram(process.execPath, [
    '--input-type=module',
    '-e',
    `import { connect, createServer } from 'node:net';
     createServer({ noDelay: true }, (near) => {
       const far = connect({ port: ${target}, host: '127.0.0.1', noDelay: true });
       near.pipe(far).pipe(near);
       near.on('error', () => far.destroy());
       far.on('error', () => near.destroy());
     }).listen(${port}, '127.0.0.1');`,
  ]);
  stack.defer(() => stopProgram(child));
  await listens(port, 'the pipe');
  return { port, pid: pidOf(child) };
}
