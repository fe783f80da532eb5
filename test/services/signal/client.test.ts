import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect, RegistrationRefused, type SignalApp, urlOfSocket } from '../../../services/signal/index.ts';
import { onceOnlyTokens, Queue, scratchFolder, startServer, untilReady } from './support.ts';

interface Launched {
  child: ChildProcess;
  line(): Promise<string>;
  errors(): string;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function launchApp(environment: Record<string, string>, drain = 'done'): Launched {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/app.ts'), drain], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = new Queue<string>();
  let errors = '';
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  return { child, line: () => lines.next(), errors: () => errors, exited };
}

const environmentOf = (path: string, clientId = 1, token = `first-${clientId}`) => ({
  SIGNAL_URL: urlOfSocket(path),
  SIGNAL_CLIENT_ID: String(clientId),
  SIGNAL_TOKEN: token,
});

describe('an app of three lines', () => {
  it('registers, is measured, drains when asked to, and exits with 0', async () => {
    const { path, session } = await startServer();
    const app = launchApp(environmentOf(path));
    const registered = await session();
    const [status, metrics] = await Promise.all([
      once(registered, 'status'),
      once(registered, 'metrics'),
      once(registered, 'ready'),
    ]);
    expect(status).toEqual(['managed: true']);
    expect(metrics).toEqual([{ answer: 42 }]);
    expect(registered.pid).toBe(app.child.pid);
    expect(await app.line()).toBe('serving, 0 secrets inherited');

    expect(await registered.ping()).toBeGreaterThan(0);
    const usage = await registered.usage();
    expect(usage.heapUsed).toBeGreaterThan(1e6);
    expect(usage.heapTotal).toBeGreaterThanOrEqual(usage.heapUsed);
    expect(usage.uptime).toBeGreaterThan(0);
    expect(usage.eventLoopDelay.max).toBeGreaterThanOrEqual(usage.eventLoopDelay.p50);

    await registered.shutdown(3_000);
    expect(await app.line()).toBe('draining, grace 3000');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it('drains on SIGTERM too', async () => {
    const { path } = await startServer();
    const app = launchApp(environmentOf(path));
    await app.line();
    app.child.kill('SIGTERM');
    expect(await app.line()).toBe('draining, grace undefined');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it('ends at once by a signal while it drains too long', async () => {
    const { path, session } = await startServer();
    const app = launchApp(environmentOf(path), 'hang');
    await app.line();
    await (await session()).shutdown(1_000);
    await app.line();
    app.child.kill('SIGTERM');
    expect(await app.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });

  it('exits with 1 and says why when its drain hook fails', async () => {
    const { path, session } = await startServer();
    const app = launchApp(environmentOf(path), 'fail');
    await app.line();
    await (await session()).shutdown(1_000);
    expect(await app.exited).toEqual({ code: 1, signal: null });
    expect(app.errors()).toContain('the drain hook failed: Error: the disk is full');
  });

  it('runs by hand with no viscript', async () => {
    const app = launchApp({});
    expect(await app.line()).toBe('serving, 0 secrets inherited');
    app.child.kill('SIGINT');
    expect(await app.line()).toBe('draining, grace undefined');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it('may let go of viscript and end by itself', async () => {
    const { path } = await startServer();
    const app = launchApp(environmentOf(path), 'close');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it('fails when viscript refuses its token', async () => {
    const { path, rejection } = await startServer();
    const app = launchApp(environmentOf(path, 1, 'wrong'));
    expect(await app.exited).toEqual({ code: 1, signal: null });
    expect(app.errors()).toContain('viscript refuses client 1');
    expect(app.errors()).not.toContain('SIGNAL_TOKEN');
    expect(await rejection()).toContain('client 1');
  });
});

describe('connect', () => {
  const connectHere = async (path: string, random = Math.random): Promise<SignalApp> => {
    const app = await connect({
      environment: environmentOf(path),
      backoff: { firstMs: 1, maxMs: 20, random },
    });
    onTestFinished(() => app.close());
    return app;
  };

  it('registers anew after a lost connection and says again what holds', async () => {
    const { path, session } = await startServer();
    const app = await connectHere(path);
    app.ready();
    app.status('first');
    app.status('second');
    (await session()).close('the line is cut');
    const again = await session();
    const statuses: string[] = [];
    again.on('status', (text) => statuses.push(text));
    await untilReady(again);
    await again.ping();
    expect(statuses).toEqual(['second']);
  });

  it('tries for as long as nobody listens, and comes back when somebody does', async () => {
    const authorize = onceOnlyTokens();
    const { server, path, session } = await startServer({ authorize });
    const tried = new Queue<void>();
    await connectHere(path, () => {
      tried.push();
      return 0.5;
    });
    await session();
    await server.close();
    for (let attempt = 0; attempt < 8; attempt++) await tried.next();
    const restarted = await startServer({ authorize, path });
    expect((await restarted.session()).clientId).toBe(1);
  });

  it('waits for a viscript that is not there yet', async () => {
    const path = join(await scratchFolder(), 'signal.sock');
    const tried = new Queue<void>();
    const connecting = connectHere(path, () => {
      tried.push();
      return 0.5;
    });
    await tried.next();
    const { session } = await startServer({ path });
    expect((await connecting).managed).toBe(true);
    await session();
  });

  it('finds a socket in a folder with a colon, a percent sign and letters of other languages', async () => {
    const folder = join(await scratchFolder(), 'a:b %41 日本');
    await mkdir(folder);
    const { path, session } = await startServer({ path: join(folder, 'signal.sock') });
    await connectHere(path);
    expect((await session()).clientId).toBe(1);
  });

  it('takes a loopback port as well', async () => {
    const { server, session } = await startServer({ tcp: { host: '127.0.0.1', port: 0 } });
    const environment = { ...environmentOf(''), SIGNAL_URL: `ws://127.0.0.1:${server.port}` };
    const app = await connect({ environment });
    onTestFinished(() => app.close());
    expect((await session()).clientId).toBe(1);
    expect(environment).toEqual({});
  });

  it('rejects when it is refused', async () => {
    const { path } = await startServer();
    const refused = connect({ environment: environmentOf(path, 1, 'wrong') });
    await expect(refused).rejects.toBeInstanceOf(RegistrationRefused);
  });

  it('names what is wrong with its environment', async () => {
    const good = environmentOf('/run/x');
    await expect(connect({ environment: { ...good, SIGNAL_CLIENT_ID: 'one' } })).rejects.toThrow(
      'SIGNAL_CLIENT_ID',
    );
    const { SIGNAL_TOKEN: _token, ...tokenless } = good;
    await expect(connect({ environment: tokenless })).rejects.toThrow('SIGNAL_TOKEN');
  });

  it('refuses metrics out of bounds where they are made', async () => {
    const { path } = await startServer();
    const app = await connectHere(path);
    expect(() => app.metrics({ ratio: Number.NaN })).toThrow(RangeError);
    expect(() => app.metrics({ ['n'.repeat(65)]: 1 })).toThrow(RangeError);
    expect(() => app.metrics(Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, n])))).toThrow(
      RangeError,
    );
  });
});
