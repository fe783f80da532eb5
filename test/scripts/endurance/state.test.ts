import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readState, type SoakState, writeState } from '../../../scripts/endurance/state.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'soak-state-'));
});

afterEach(() => rm(folder, { recursive: true }));

it('is empty in the beginning, and comes back as it was written', async () => {
  const file = join(folder, 'out/state.json');
  expect(await readState(file)).toEqual({ fuzz: {}, boards: {}, sources: {}, sabotage: {} });
  const state: SoakState = {
    fuzz: { frames: { inputs: 5 }, text: { inputs: 7, repeat: 'vitest' } },
    memory: {
      ...{ day: '2026-01-31', minutes: 10, bytes: 5e9, idleStreams: 1_000 },
      processes: [{ name: 'node1', first: 1, last: 2, grows: false }],
    },
    power: { day: '2026-01-31', recordings: 1, cuts: 100, boots: 1, gone: 7, lost: ['at event 5: journal'] },
    boards: {},
    sources: {},
    sabotage: {
      flushes: {
        ...{ broken: 'flushes', day: '2026-01-31', test: 'a.test.ts', name: 'is kept' },
        ...{ noticed: true, said: 'lost' },
      },
    },
  };
  await writeState(file, state);
  expect(await readState(file)).toEqual(state);
});

it('says what to do when it is damaged', async () => {
  const file = join(folder, 'state.json');
  for (const text of ['{"fuzz":', '{"fuzz":{"frames":{}}}']) {
    await writeFile(file, text);
    await expect(readState(file)).rejects.toThrow('remove it to begin anew');
  }
});
