import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Births } from '../../../scripts/measure/births.ts';
import { residentBytes } from '../../../scripts/measure/process.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer births '));
});

afterEach(() => rm(folder, { recursive: true }));

it('tells which app runs as which process, as often as it is started', async () => {
  using births = await Births.open(folder, ['one', 'two']);
  for (const name of ['one', 'two', 'one']) {
    const next = births.next(name);
    const [program, ...args] = births.commandOf(name);
    const app = spawn(program, args);
    const { pid } = await next;
    expect(pid).toBe(app.pid);
    expect(await residentBytes(pid)).toBeGreaterThan(0);
    const ended = once(app, 'exit');
    app.kill('SIGKILL');
    await ended;
  }
});
