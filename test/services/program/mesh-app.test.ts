import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { launch } from '../mesh/program.ts';
import { joinedNodes } from '../node/apps/joined.ts';
import { scratchFolder, startServer, untilReady } from '../signal/support.ts';

const program = 'test/services/program/fixtures/mesh-app.ts';

describe('an app on the mesh', () => {
  it('prepares, registers, starts and says what it does, and stops when it is asked to', async () => {
    const [{ node, key, carrier }] = await joinedNodes();
    const app = launch(program, ['web', node]);
    expect([await app.line(), await app.line(), await app.line()]).toEqual([
      'prepare',
      'start',
      `web at ${key}`,
    ]);
    expect(carrier.apps.has('web')).toBe(true);
    app.child.kill('SIGTERM');
    expect(await app.line()).toBe('stop within 0');
    expect(await app.exited).toEqual({ code: 0, signal: null });
    expect(app.errors()).toBe('');
  });

  it('is managed by viscript: ready, status, figures, and half of the grace to drain', async () => {
    const { path, session } = await startServer();
    const [{ node, key }] = await joinedNodes();
    const signal = { SIGNAL_URL: urlOfSocket(path), SIGNAL_CLIENT_ID: '1', SIGNAL_TOKEN: 'first-1' };
    const app = launch(program, ['web', node], signal);
    const managed = await session();
    const [[status], [metrics]] = await Promise.all([
      once(managed, 'status'),
      once(managed, 'metrics'),
      untilReady(managed),
    ]);
    expect(status).toBe(`web at ${key}`);
    expect(metrics).toEqual({ steps: 3 });
    await managed.shutdown(3_000);
    const lines = [await app.line(), await app.line(), await app.line(), await app.line()];
    expect(lines.at(-1)).toBe('stop within 1500');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['prepare', ['prepare', 'stop, failed']],
    ['start', ['prepare', 'start', 'stop, failed']],
  ])('that fails undoes what it did: %s', async (fails, steps) => {
    const [{ node }] = await joinedNodes();
    const app = launch(program, ['web', node, fails]);
    for (const step of steps) expect(await app.line()).toBe(step);
    expect(await app.exited).toEqual({ code: 1, signal: null });
    expect(app.errors()).toBe(`app: ${fails} has failed\n`);
  });

  it('whose name is taken fails and undoes what it did', async () => {
    const [{ node }] = await joinedNodes();
    const first = launch(program, ['web', node]);
    for (const _ of ['prepare', 'start', 'status']) await first.line();
    const second = launch(program, ['web', node]);
    expect([await second.line(), await second.line()]).toEqual(['prepare', 'stop, failed']);
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.errors()).toContain('web is registered here already');
  });

  it('ends while it waits for its node, when it is asked to', async () => {
    const app = launch(program, ['web', join(await scratchFolder(), 'node.sock')]);
    expect(await app.line()).toBe('prepare');
    expect(await app.line()).toContain('no node answers on');
    app.child.kill('SIGTERM');
    let last = await app.line();
    while (last.includes('no node answers')) last = await app.line();
    expect(last).toBe('stop within 0');
    expect(await app.exited).toEqual({ code: 0, signal: null });
  });
});
