import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MeshApp, type MeshStream } from '../../../services/mesh/index.ts';
import { Identity } from '../../../services/net/keys.ts';
import { Queue, scratchFolder } from '../signal/support.ts';

const node = Identity.generate().publicKey;

/** A stream to a node by hand, which says what it is told to and dies when it is told to. */
async function open() {
  const path = join(await scratchFolder(), 'node.sock');
  const sockets = new Queue<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => sockets.push(socket)).listen(path);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const answer = (socket: Socket, fields: object) => socket.write(`${JSON.stringify({ node, ...fields })}\n`);

  const starting = MeshApp.start({ node: path, name: 'client', type: 'test' });
  const control = await sockets.next();
  const words = new Queue<Record<string, unknown>>();
  const lines = createInterface(control);
  const first = once(lines, 'line');
  answer(control, { token: 'secret' });
  expect(JSON.parse(String(await first))).toEqual({
    ...{ skywire: 1, want: 'app', name: 'client', type: 'test', access: 'rack' },
  });
  lines.on('line', (line) => words.push(JSON.parse(line)));
  const app = await starting;
  onTestFinished(() => app.close());

  const connecting = app.connect({ app: 'server' });
  const socket = await sockets.next();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'data');
  // What follows the answer at once belongs to the stream.
  socket.write(`${JSON.stringify({ node, remote: { node, app: 'server' } })}\nhello`);
  const stream = await connecting;
  const tell = (method: string, params: object) =>
    control.write(`${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`);
  return { app, stream, socket, control, tell, words };
}

const failed = (stream: MeshStream) =>
  expect(buffer(stream)).rejects.toMatchObject({ name: 'MeshError', code: 'reset' });

describe('a stream from a node', () => {
  it('is complete when all bytes came that were announced, whichever is heard of first', async () => {
    for (const order of ['before', 'after']) {
      const { stream, socket, tell } = await open();
      if (order === 'before') tell('stream.end', { id: 1, bytes: 10 });
      socket.end('world');
      const whole = text(stream);
      await once(socket, 'finish');
      if (order === 'after') tell('stream.end', { id: 1, bytes: 10 });
      expect(await whole).toBe('helloworld');
    }
  });

  it('is not complete when bytes are missing', async () => {
    const { stream, socket, tell } = await open();
    const error = failed(stream);
    tell('stream.end', { id: 1, bytes: 11 });
    socket.end('world');
    await error;
  });

  it('is not complete when the node dies after its last byte', async () => {
    const { stream, socket, control } = await open();
    const error = expect(buffer(stream)).rejects.toMatchObject({ code: 'node-lost' });
    socket.end('world');
    await once(socket, 'finish');
    control.destroy();
    await error;
  });

  it('stays complete when the node dies later', async () => {
    const { app, stream, socket, control, tell } = await open();
    stream.end();
    tell('stream.end', { id: 1, bytes: 5 });
    socket.end();
    await Promise.all([once(stream, 'finish'), once(socket, 'finish')]);
    const lost = once(app, 'lost');
    control.destroy();
    await lost;
    expect(await text(stream)).toBe('hello');
  });

  it('ends with the reason that the node tells', async () => {
    const { stream, tell } = await open();
    const error = expect(buffer(stream)).rejects.toMatchObject({ code: 'reset', message: 'cut' });
    tell('stream.reset', { id: 1, reason: 'cut' });
    await error;
  });

  it('ends with an error when the node closes it where bytes wait unread', async () => {
    const { stream, socket } = await open();
    socket.pause();
    const error = failed(stream);
    stream.write('nobody reads this');
    socket.destroy();
    await error;
  });

  it('says how much it has sent, and that it was given up', async () => {
    const { stream, words } = await open();
    stream.write('four');
    stream.end('teen bytes');
    expect(await words.next()).toMatchObject({ method: 'stream.end', params: { id: 1, bytes: 14 } });
    stream.on('error', () => undefined).destroy(new Error('enough'));
    expect(await words.next()).toMatchObject({ method: 'stream.reset', params: { id: 1, reason: 'enough' } });
  });

  it('has no end yet where only its socket has one', async () => {
    const { stream, socket, tell } = await open();
    const whole = text(stream);
    socket.end();
    await once(socket, 'finish');
    expect([stream.readableEnded, stream.destroyed]).toEqual([false, false]);
    tell('stream.end', { id: 1, bytes: 5 });
    expect(await whole).toBe('hello');
  });
});
