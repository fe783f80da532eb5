import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { launch } from '../mesh/program.ts';
import { joinedNodes, type TestNode } from '../node/apps/joined.ts';
import { Queue } from '../signal/support.ts';

const program = 'services/forward/main.ts';

/** A TCP server on loopback, and the connections that come to it. */
async function listen() {
  const taken = new Queue<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    onTestFinished(() => void socket.destroy());
    taken.push(socket);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return { server, taken, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Both ends of a forward; connections to `port` come out at `to`. */
async function forward(there: TestNode, here: TestNode, to: string) {
  const exit = launch(program, ['out', there.node, '--to', to]);
  expect(await exit.line()).toBe(`${there.key}/out leads to ${to}`);
  const entrance = launch(program, ['in', here.node, '0', `${there.key}/out`]);
  const [, port] = /^127\.0\.0\.1:(\d+) leads to /.exec(await entrance.line()) ?? [];
  const open = async () => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  return { entrance, exit, open };
}

describe('meshnet-forward', () => {
  it('carries connections there and back, each direction to its own end', async () => {
    const [there, here] = await joinedNodes();
    const { taken, address } = await listen();
    const { open } = await forward(there, here, address);
    const near = await open();
    const far = await taken.next();
    const sent = randomBytes(3_000_000);
    near.end(sent);
    expect((await buffer(far)).equals(sent)).toBe(true);
    far.end('thank you');
    expect(await text(near)).toBe('thank you');
  });

  it('breaks a connection off where the other end does', async () => {
    const [there, here] = await joinedNodes();
    const { taken, address } = await listen();
    const { open } = await forward(there, here, address);
    const near = await open();
    const far = await taken.next();
    far.write('part');
    await once(near, 'readable');
    const failed = expect(buffer(near)).rejects.toMatchObject({ code: 'ECONNRESET' });
    far.resetAndDestroy();
    await failed;
  });

  it('breaks a connection off, and says why, where nobody listens', async () => {
    const [there, here] = await joinedNodes();
    const { server, address } = await listen();
    server.close();
    const { open, exit } = await forward(there, here, address);
    const near = await open();
    await expect(buffer(near)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(exit.errors()).toContain(`cannot connect to ${address}: `);
  });

  it('ends with its connections when it is told to', async () => {
    const [there, here] = await joinedNodes();
    const { taken, address } = await listen();
    const { open, entrance, exit } = await forward(there, here, address);
    const near = await open();
    const far = await taken.next();
    const failed = expect(buffer(near)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const broken = once(far.resume(), 'error');
    entrance.child.kill('SIGTERM');
    await failed;
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(await entrance.exited).toEqual({ code: 0, signal: null });
    exit.child.kill('SIGTERM');
    expect(await exit.exited).toEqual({ code: 0, signal: null });
  });

  it.each([
    [['in', '/node.sock', '8080'], 'one of the two ends is expected: LISTEN and TARGET, or --to'],
    [
      ['out', '/node.sock', '8080', '--to', '127.0.0.1:80'],
      'one of the two ends is expected: LISTEN and TARGET, or --to',
    ],
    [['in', '/node.sock', 'nowhere', 'out'], '"nowhere" is no address'],
    [['in', '/node.sock', '8080', 'a b'], "'a b' is no app of the mesh"],
  ])('refuses %j with status 2', async (args, message) => {
    const started = launch(program, args);
    expect(await started.exited).toEqual({ code: 2, signal: null });
    expect(started.errors()).toContain(message);
  });
});
