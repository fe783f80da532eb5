import { once } from 'node:events';
import { link, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { CallTimeout, ConnectionLost, SignalServer, SocketInUse } from '../../../services/signal/index.ts';
import { onceOnlyTokens, RawClient, scratchFolder, startServer } from './support.ts';

describe('the signal server', () => {
  it('registers an app with its token and gives it another for the next time', async () => {
    const { path, session } = await startServer();
    const app = await RawClient.open(path);
    expect(await app.register(7)).toEqual({ jsonrpc: '2.0', id: 1, result: { token: 'again-7-1' } });
    expect(await session()).toMatchObject({ clientId: 7, pid: process.pid, ready: false });
  });

  it('hears ready once, status and metrics', async () => {
    const { path, session } = await startServer();
    const app = await RawClient.open(path);
    await app.register(1);
    const registered = await session();
    let readies = 0;
    registered.on('ready', () => readies++);
    const metrics = once(registered, 'metrics');
    const status = once(registered, 'status');
    app.request(2, 'app.ready');
    app.request(3, 'app.ready', {});
    app.send({ jsonrpc: '2.0', method: 'app.status', params: { text: 'Größe 5' } });
    app.send({ jsonrpc: '2.0', method: 'app.metrics', params: { values: { peers: 3 } } });
    expect(await status).toEqual(['Größe 5']);
    expect(await metrics).toEqual([{ peers: 3 }]);
    expect(registered.ready).toBe(true);
    expect(readies).toBe(1);
  });

  it('keeps its socket from other users, unless told otherwise', async () => {
    const own = await startServer();
    expect((await stat(own.path)).mode & 0o777).toBe(0o600);
    const shared = await startServer({ socketMode: 0o666 });
    expect((await stat(shared.path)).mode & 0o777).toBe(0o666);
  });

  it('replaces the socket of a dead process, but not one that is answered', async () => {
    const path = join(await scratchFolder(), 'signal.sock');
    await leaveDeadSocket(path);
    await startServer({ path });
    const second = new SignalServer({ path, authorize: onceOnlyTokens() });
    await expect(second.listen()).rejects.toBeInstanceOf(SocketInUse);
    const app = await RawClient.open(path);
    expect(await app.register(1)).toMatchObject({ result: {} });
  });

  it('says so when the path is too long for a socket, or is something else', async () => {
    const folder = await scratchFolder();
    const long = new SignalServer({ path: join(folder, 'x'.repeat(120)), authorize: onceOnlyTokens() });
    await expect(long.listen()).rejects.toThrow('too long for a Unix socket');
    const plain = join(folder, 'signal.sock');
    await writeFile(plain, '');
    const occupied = new SignalServer({ path: plain, authorize: onceOnlyTokens() });
    await expect(occupied.listen()).rejects.toThrow('it is not a socket');
    expect((await stat(plain)).isFile()).toBe(true);
  });

  it('listens on a loopback port too when asked', async () => {
    const { server } = await startServer({ tcp: { host: '127.0.0.1', port: 0 } });
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}`);
    await once(socket, 'open');
    socket.terminate();
  });

  it('ends every connection when it closes, and removes its socket', async () => {
    const { server, path, session } = await startServer();
    const app = await RawClient.open(path);
    const unregistered = await RawClient.open(path);
    const raw = createConnection(path);
    await once(raw, 'connect');
    const rawClosed = once(raw.resume(), 'close');
    await app.register(1);
    const closed = once(await session(), 'close');
    await server.close();
    expect(await closed).toEqual(['viscript closes']);
    expect(await app.closed).toMatchObject({ reason: 'viscript closes' });
    await unregistered.closed;
    await rawClosed;
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a session', () => {
  it('measures a ping, reads usage and asks for the end', async () => {
    const { path, session } = await startServer();
    const app = await RawClient.open(path);
    await app.register(1);
    const registered = await session();

    const ping = registered.ping();
    expect(await app.message()).toEqual({ jsonrpc: '2.0', id: 1, method: 'app.ping', params: {} });
    app.send({ jsonrpc: '2.0', id: 1, result: {} });
    expect(await ping).toBeGreaterThan(0);

    const usage = {
      heapUsed: 1,
      heapTotal: 2,
      external: 3,
      eventLoopDelay: { p50: 0, p99: 1, max: 2 },
      uptime: 4,
    };
    const reading = registered.usage();
    await app.message();
    app.send({ jsonrpc: '2.0', id: 2, result: usage });
    expect(await reading).toEqual({ ...usage, pss: 0, descriptors: 0 });

    const shutdown = registered.shutdown(2_500);
    expect(await app.message()).toMatchObject({ method: 'app.shutdown', params: { grace: 2_500 } });
    app.send({ jsonrpc: '2.0', id: 3, result: {} });
    await shutdown;
  });

  it('gives a hanging app up at the deadline and keeps the connection', async () => {
    const { path, session } = await startServer({ requestTimeoutMs: 20 });
    const app = await RawClient.open(path);
    await app.register(1);
    const registered = await session();
    await expect(registered.ping()).rejects.toBeInstanceOf(CallTimeout);
    const ready = once(registered, 'ready');
    app.send({ jsonrpc: '2.0', method: 'app.ready' });
    await ready;
  });

  it('rejects what is pending when the connection is lost', async () => {
    const { path, session } = await startServer();
    const app = await RawClient.open(path);
    await app.register(1);
    const registered = await session();
    const ping = registered.ping();
    await app.message();
    app.socket.terminate();
    await expect(ping).rejects.toBeInstanceOf(ConnectionLost);
    await expect(registered.usage()).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('gives way to a new registration of the same client', async () => {
    const { path, session } = await startServer();
    const before = await RawClient.open(path);
    await before.register(1);
    const first = await session();
    const closed = once(first, 'close');
    const after = await RawClient.open(path);
    await after.register(1, 'again-1-1');
    expect(await closed).toEqual(['client 1 registered anew']);
    await before.closed;
    const ping = (await session()).ping();
    await after.message();
    after.send({ jsonrpc: '2.0', id: 1, result: {} });
    await ping;
  });
});

async function leaveDeadSocket(path: string): Promise<void> {
  // A closed server unlinks the name under which it was bound; a second name of the same socket stays behind.
  const server = createServer();
  server.listen(`${path}.bound`);
  await once(server, 'listening');
  await link(`${path}.bound`, path);
  server.close();
  await once(server, 'close');
}
