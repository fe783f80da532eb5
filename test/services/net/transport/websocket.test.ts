import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { parseAddress } from '../../../../services/net/address.ts';
import type { Listener } from '../../../../services/net/transport/transport.ts';
import { maxUpgrading, webSocket } from '../../../../services/net/transport/websocket.ts';
import { closed } from '../sockets.ts';
import { complies } from './compliance.ts';

complies(webSocket);

let listener: Listener | undefined;

afterEach(async () => {
  await listener?.close();
  listener = undefined;
});

/** A listener, and a client that is not ours. */
async function foreign(): Promise<[WebSocket, Duplex]> {
  const { promise: accepted, resolve } = Promise.withResolvers<Duplex>();
  listener = await webSocket.listen('127.0.0.1:0', (stream) => resolve(stream.on('error', () => undefined)));
  const socket = new WebSocket(`ws://${listener.address}/`);
  socket.on('error', () => undefined);
  await once(socket, 'open');
  return [socket, await accepted];
}

it('ends a stream in which a text comes', async () => {
  const [socket, stream] = await foreign();
  const over = once(socket, 'close');
  socket.send('hello');
  await closed(stream.resume());
  expect(stream.errored?.message).toBe('the other end sends a text, where there are only bytes');
  await over;
});

it('ends a stream in which a message is too large', async () => {
  const [socket, stream] = await foreign();
  const over = once(socket, 'close');
  socket.send(Buffer.alloc(256 * 1024 + 1));
  await closed(stream.resume());
  expect(stream.errored?.message).toMatch(/size/);
  expect(await over).toEqual([1009, expect.anything()]);
});

it('takes no connection from a page in a browser', async () => {
  listener = await webSocket.listen('127.0.0.1:0', (stream) => {
    stream.destroy();
    throw new Error('accepted');
  });
  const socket = new WebSocket(`ws://${listener.address}/`, { origin: 'http://example.org' });
  const [error] = await once(socket, 'error').catch((error: unknown) => [error]);
  expect(String(error)).toMatch(/hang up|ECONNRESET|Unexpected/);
});

it('hands over nothing that is no WebSocket, and ends it with the listener', async () => {
  listener = await webSocket.listen('127.0.0.1:0', () => {
    throw new Error('accepted');
  });
  const { host, port } = parseAddress(listener.address);
  const silent = connect({ host, port });
  await once(silent, 'connect');
  const web = connect({ host, port }).resume();
  web.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const slow = connect({ host, port });
  slow.write('GET / HTT');
  await once(slow, 'connect');
  const sockets = [silent, web, slow].map((socket) => socket.on('error', () => undefined).resume());
  const gone = sockets.map((socket) => closed(socket));
  await listener.close();
  await Promise.all(gone);
});

it('takes whoever means it past many that say nothing, of which the oldest goes', async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Duplex>();
  listener = await webSocket.listen('127.0.0.1:0', resolve);
  const { host, port } = parseAddress(listener.address);
  const silent = [];
  for (let count = 0; count < maxUpgrading; count++) {
    const socket = connect({ host, port }).on('error', () => undefined);
    await once(socket, 'connect');
    silent.push(socket.resume());
  }
  const oldestGone = silent[0] && closed(silent[0]);
  const near = await webSocket.dial(listener.address);
  const far = await accepted;
  await oldestGone;
  near.write('hello');
  const [chunk] = await once(far, 'data');
  expect(String(chunk)).toBe('hello');
  // Whoever has come in makes room: nobody else has to go.
  expect(silent.map((socket) => socket.closed).indexOf(false)).toBe(1);
  for (const end of [near, far, ...silent]) end.destroy();
});

it('gives up on a server that takes the connection and says nothing', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(webSocket.dial(address, { timeoutMs: 50 })).rejects.toThrow(
    `${address}: no connection within 0.05 s`,
  );
  const [socket] = await accepted;
  await closed(socket.resume());
  server.close();
});
