/** signal against a JSON-RPC library and WebSocket clients that nobody here wrote. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { JSONRPCClient, JSONRPCServer, JSONRPCServerAndClient } from 'json-rpc-2.0';
import { describe, expect, it, onTestFinished } from 'vitest';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { startServer, untilReady } from './support.ts';

/** The `json-rpc-2.0` package over the WebSocket that is built into Node (undici's, not `ws`). */
async function foreignApp(port: number | undefined) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  onTestFinished(() => socket.close());
  await once(socket, 'open');
  const peer = new JSONRPCServerAndClient(
    new JSONRPCServer(),
    new JSONRPCClient((request) => socket.send(JSON.stringify(request))),
  );
  socket.addEventListener('message', ({ data }) => {
    void peer.receiveAndSend(JSON.parse(data));
  });
  return peer;
}

describe('a JSON-RPC client of others', () => {
  it('registers, is pinged, is measured and is asked to end', async () => {
    const { server, session } = await startServer({ tcp: { host: '127.0.0.1', port: 0 } });
    const peer = await foreignApp(server.port);
    const asked: unknown[] = [];
    const usage = {
      heapUsed: 1,
      heapTotal: 2,
      external: 3,
      eventLoopDelay: { p50: 0, p99: 0, max: 0 },
      uptime: 1,
    };
    peer.addMethod('app.ping', () => ({}));
    peer.addMethod('app.usage', () => usage);
    peer.addMethod('app.shutdown', (params) => {
      asked.push(params);
      return {};
    });
    const answer = await peer.request('app.register', { clientId: 4, token: 'first-4', pid: process.pid });
    expect(answer).toEqual({ token: 'again-4-1' });
    const registered = await session();
    const ready = once(registered, 'ready');
    peer.notify('app.ready', {});
    await ready;
    expect(await registered.ping()).toBeGreaterThan(0);
    expect(await registered.usage()).toEqual({ ...usage, pss: 0, descriptors: 0 });
    await registered.shutdown(1_000);
    expect(asked).toEqual([{ grace: 1_000 }]);
  });

  it('gets the errors of the specification', async () => {
    const { server, session } = await startServer({ tcp: { host: '127.0.0.1', port: 0 } });
    const peer = await foreignApp(server.port);
    await peer.request('app.register', { clientId: 4, token: 'first-4', pid: process.pid });
    const registered = await session();
    await expect(peer.request('app.fly', {})).rejects.toMatchObject({ code: -32_601 });
    await expect(registered.ping()).rejects.toMatchObject({ name: 'RpcError', code: -32_601 });
    await expect(peer.request('app.status', { text: 5 })).rejects.toMatchObject({ code: -32_602 });
  });

  it('has its batches answered', async () => {
    const { server } = await startServer({ tcp: { host: '127.0.0.1', port: 0 } });
    const peer = await foreignApp(server.port);
    const params = { clientId: 4, token: 'first-4', pid: process.pid };
    const [registered, ready] = await peer.client.requestAdvanced([
      { jsonrpc: '2.0', id: 1, method: 'app.register', params },
      { jsonrpc: '2.0', id: 2, method: 'app.ready', params: {} },
    ]);
    expect(registered).toMatchObject({ id: 1, result: { token: 'again-4-1' } });
    expect(ready).toMatchObject({ id: 2, result: null });
  });
});

const python = '/usr/bin/python3';

function hasWebSocketClient(): boolean {
  try {
    execFileSync(python, ['-c', 'import websocket'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('an app in Python', () => {
  it.skipIf(!hasWebSocketClient())('is managed like any other (needs python3-websocket)', async () => {
    const { path, session } = await startServer();
    const file = join(import.meta.dirname, '../../../docs/examples/hello/hello.py');
    const child = spawn(python, [file], {
      env: {
        SIGNAL_URL: urlOfSocket(path),
        SIGNAL_CLIENT_ID: '8',
        SIGNAL_TOKEN: 'first-8',
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const registered = await session();
    const exited = once(child, 'exit');
    await untilReady(registered);
    expect(registered.pid).toBe(child.pid);
    expect(await registered.ping()).toBeGreaterThan(0);
    await registered.shutdown(1_000);
    expect(await exited).toEqual([0, null]);
  });
});
