import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { SignalSession } from '../../../services/signal/index.ts';
import { RawClient, type RunningServer, startServer } from './support.ts';

/** A well-behaved app beside each hostile one: whatever happens to that, this one is served. */
let running: RunningServer;
let neighbour: RawClient;
let neighbourSession: SignalSession;

beforeEach(async () => {
  running = await startServer({ registerTimeoutMs: 500, maxUnregistered: 8 });
  neighbour = await RawClient.open(running.path);
  await neighbour.register(99);
  neighbourSession = await running.session();
});

afterEach(async () => {
  const ping = neighbourSession.ping();
  await neighbour.message();
  neighbour.send({ jsonrpc: '2.0', id: 1, result: {} });
  await ping;
});

async function rawConnection(): Promise<Socket> {
  const socket = createConnection(running.path);
  onTestFinished(() => void socket.destroy());
  // The reset is what these connections are made for.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('a hostile client loses its own connection when it', () => {
  it('is silent without even a handshake', async () => {
    const socket = await rawConnection();
    await once(socket.resume(), 'close');
    expect(await running.rejection()).toBe('no registration within 500 ms');
  });

  it('is silent after the handshake', async () => {
    const client = await RawClient.open(running.path);
    expect(await client.closed).toEqual({ code: 1008, reason: 'no registration within 500 ms' });
    expect(await running.rejection()).toBe('no registration within 500 ms');
  });

  it('speaks no HTTP', async () => {
    const socket = await rawConnection();
    socket.write(Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 256)));
    await once(socket.resume(), 'close');
  });

  it('has a wrong token', async () => {
    const client = await RawClient.open(running.path);
    expect(await client.register(5, 'guess')).toMatchObject({ id: 1, error: { code: -32_001 } });
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(await running.rejection()).toBe('a wrong or used token for client 5');
  });

  it('uses a token a second time', async () => {
    const first = await RawClient.open(running.path);
    await first.register(5);
    const session = await running.session();
    const thief = await RawClient.open(running.path);
    expect(await thief.register(5)).toMatchObject({ error: { code: -32_001 } });
    await thief.closed;
    const ready = once(session, 'ready');
    first.send({ jsonrpc: '2.0', method: 'app.ready' });
    await ready;
  });

  it('registers twice', async () => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    const closed = once(await running.session(), 'close');
    client.request(2, 'app.register', { clientId: 5, token: 'again-5-1', pid: 1 });
    expect(await client.message()).toMatchObject({ id: 2, error: { code: -32_001 } });
    await client.closed;
    expect(await closed).toEqual(['client 5 registers twice on one connection']);
  });

  it('speaks before it has registered', async () => {
    const client = await RawClient.open(running.path);
    client.request(1, 'app.ready', {});
    expect(await client.message()).toMatchObject({ id: 1, error: { code: -32_001 } });
    await client.closed;
  });

  it.each([
    ['text that is not JSON', 'hello{', -32_700],
    ['JSON that is no message', '{"hello":"world"}', -32_600],
    ['an empty batch', '[]', -32_600],
    ['a batch of nonsense', '[1]', -32_600],
  ])('sends %s, which is answered before', async (_what, text, code) => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    client.send(text);
    const answer = await client.message();
    expect(Array.isArray(answer) ? answer[0] : answer).toMatchObject({ id: null, error: { code } });
    expect(await client.closed).toMatchObject({ code: 1008 });
  });

  it.each([
    ['register', { clientId: -1, token: 'x', pid: 1 }],
    ['register', { clientId: 1, token: 'x'.repeat(257), pid: 1 }],
    ['register', { clientId: '1', token: 'x', pid: 1 }],
  ])('calls app.%s with %j', async (method, params) => {
    const client = await RawClient.open(running.path);
    client.request(1, `app.${method}`, params);
    expect(await client.message()).toMatchObject({ id: 1, error: { code: -32_602 } });
    await client.closed;
  });

  it.each([
    ['status', { text: 'x'.repeat(1_025) }],
    ['status', {}],
    ['metrics', { values: { a: 'b' } }],
    ['metrics', { values: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`m${n}`, n])) }],
    ['metrics', { values: { ['n'.repeat(65)]: 1 } }],
  ])('sends an app.%s out of bounds (%#)', async (method, params) => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    const closed = once(await running.session(), 'close');
    client.send({ jsonrpc: '2.0', method: `app.${method}`, params });
    expect((await closed)[0]).toContain(`wrong params of app.${method}`);
    await client.closed;
  });

  it('sends binary frames', async () => {
    const client = await RawClient.open(running.path);
    client.socket.send(Buffer.from('{"jsonrpc":"2.0","method":"app.ready"}'));
    expect(await client.closed).toMatchObject({ code: 1003 });
  });

  it('sends a message of 1 MiB', async () => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    client.send(
      JSON.stringify({ jsonrpc: '2.0', method: 'app.status', params: { text: 'x'.repeat(1024 * 1024) } }),
    );
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  it('floods', async () => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    const session = await running.session();
    const closed = once(session, 'close');
    let heard = 0;
    session.on('status', () => heard++);
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'app.status', params: { text: 'spam' } });
    for (let count = 0; count < 20_000; count++) client.socket.send(text, () => undefined);
    expect(await closed).toEqual(['the other end sends too many messages']);
    expect(heard).toBeLessThan(2_000);
  });

  it('floods with batches', async () => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    const closed = once(await running.session(), 'close');
    const ready = { jsonrpc: '2.0', method: 'app.ready' };
    const batch = JSON.stringify(Array.from({ length: 600 }, () => ready));
    client.send(batch);
    client.send(batch);
    expect(await closed).toEqual(['the other end sends too many messages']);
  });

  it('answers what it was never asked', async () => {
    const client = await RawClient.open(running.path);
    await client.register(5);
    const closed = once(await running.session(), 'close');
    client.send({ jsonrpc: '2.0', id: 1_000, result: {} });
    expect(await closed).toEqual(['an answer to no request']);
  });

  it('is a page in a browser', async () => {
    const opening = RawClient.open(running.path, { origin: 'http://localhost:8080' });
    await expect(opening).rejects.toThrow();
    expect(await running.rejection()).toBe('a connection from a browser');
  });
});

describe('the server under attack', () => {
  it('lets an honest app register while hundreds of silent connections pile up', async () => {
    const silent = await Promise.all(Array.from({ length: 200 }, rawConnection));
    const app = await RawClient.open(running.path);
    expect(await app.register(6)).toMatchObject({ result: {} });
    expect(await running.rejection()).toBe('too many connections without registration');
    for (const socket of silent) socket.destroy();
  });

  it('accepts an app that registers in a batch', async () => {
    const app = await RawClient.open(running.path);
    app.send([
      { jsonrpc: '2.0', id: 'r', method: 'app.register', params: { clientId: 6, token: 'first-6', pid: 1 } },
      { jsonrpc: '2.0', method: 'app.ready' },
    ]);
    expect(await app.message()).toEqual([{ jsonrpc: '2.0', id: 'r', result: { token: 'again-6-1' } }]);
    expect(await running.session()).toMatchObject({ clientId: 6, ready: true });
  });
});
