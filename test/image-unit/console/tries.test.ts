import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Tries } from '../../../image/console/tries.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tries-'));
});

afterEach(() => rm(folder, { recursive: true }));

it('doubles with each failure, up to a minute', async () => {
  let now = 0;
  const tries = await Tries.open(join(folder, 'tries.json'), () => now);
  const waits: number[] = [];
  for (let count = 0; count < 9; count++) {
    await tries.begin('ttyS0');
    await tries.failed('ttyS0');
    const wait = tries.waitMs('ttyS0');
    waits.push(wait / 1000);
    now += wait;
    expect(tries.waitMs('ttyS0')).toBe(0);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
});
