import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cutPower } from '../../scripts/endurance/power/cuts.ts';
import { imageUnderTest, WORK } from './image-under-test.ts';

/** Power cuts in which nothing may be lost; `./scripts/soak --only power` has ten times as many. */
const CUTS = 300;
const BOOTS = 3;
const ours = join(import.meta.dirname, '../../scripts/endurance/power/writers.ts');
const careless = join(import.meta.dirname, '../fixtures/careless-writers.ts');
const keep = join(WORK, 'power-cuts');
const forgotten = join(WORK, 'power-cuts-forgotten');

it('loses nothing that was kept when the power is cut, leaves nothing half written, and boots', async (context) => {
  if (!(await canMount())) context.skip('needs root, /dev/fuse and loop devices');
  const seed = Date.now() % 2 ** 32;
  const found = await cutPower({
    writers: ours,
    cuts: CUTS,
    versions: 400,
    seed,
    keep,
    boots: { count: BOOTS, ...(await imageUnderTest()) },
  });
  expect(found.lost).toEqual([]);
  expect(found.cuts).toBe(CUTS);
  expect(found.boots).toBe(BOOTS);
  // A campaign in which nothing is at stake would find nothing either.
  expect(found.sectors.gone).toBeGreaterThan(CUTS);
  expect(found.promises).toBeGreaterThan(CUTS);
});

it('finds out who forgets to flush a file, its folder, or a line', async (context) => {
  if (!(await canMount())) context.skip('needs root, /dev/fuse and loop devices');
  const { lost } = await cutPower({ writers: careless, cuts: 40, versions: 100, seed: 1, keep: forgotten });
  await rm(forgotten, { recursive: true });
  const told = lost.join('\n');
  expect(told).toMatch(/journal: version \d+ was kept/);
  // Empty without its own flush, an older version without that of the folder.
  expect(told).toMatch(/file: version \d+ was kept, and version 0 is there/);
  expect(told).toMatch(/file: version \d+ was kept, and version [1-9]\d* is there/);
});

async function canMount(): Promise<boolean> {
  const devices = await readdir('/dev');
  return process.getuid?.() === 0 && ['fuse', 'loop-control'].every((name) => devices.includes(name));
}
