import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bootFrom } from '../../scripts/endurance/update-power/boot.ts';
import { cutUpdate } from '../../scripts/endurance/update-power/cuts.ts';
import { makeBefore } from '../../scripts/endurance/update-power/images.ts';
import { recordUpdate } from '../../scripts/endurance/update-power/recording.ts';
import { BOOTING_MS } from './fixture.ts';
import { imageUnderTest } from './image-under-test.ts';

/** `./scripts/soak --only update-power` has ten times as many. */
const CUTS = 200;
const BOOTS = 3;

it(
  'has one of two whole versions to start whenever the power is cut while a slot is written',
  async (context) => {
    const devices = await readdir('/dev');
    if (process.getuid?.() !== 0 || !['fuse', 'loop-control'].every((name) => devices.includes(name)))
      context.skip('needs root, /dev/fuse and loop devices');
    const { image: after, uBoot } = await imageUnderTest();
    const folder = await mkdtemp(join(tmpdir(), 'skyminer-update-'));
    try {
      const before = join(folder, 'before.img');
      await makeBefore(after, before);
      using record = await recordUpdate({ folder: join(folder, 'recording'), before, after });
      const found = await cutUpdate({
        ...{ record, after, cuts: CUTS, seed: Date.now() % 2 ** 32 },
        boots: { count: BOOTS, folder, boot: (disk, slot) => bootFrom(disk, slot, uBoot) },
      });
      expect(found).toMatchObject({ lost: [], cuts: CUTS, boots: BOOTS });
      // A campaign in which nothing is at stake would find nothing either.
      expect(found.holds.torn).toBeGreaterThan(CUTS / 10);
      for (const slot of ['A', 'B'] as const) expect(found.starts[slot]).toBeGreaterThan(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  2 * BOOTING_MS,
);
