import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { updatePower } from '../../scripts/endurance/update-power/campaign.ts';
import { BOOTING_MS } from './fixture.ts';
import { imageUnderTest } from './image-under-test.ts';

/** `./scripts/soak --only update-power` has ten times as many. */
const CUTS = 200;
const BOOTS = 3;
/** Many minutes, of which `./scripts/test` has none to spare. */
const isLong = process.env.SKYMINER_LONG !== undefined;

it.skipIf(!isLong)(
  'has one of two whole versions to start whenever the power is cut while a slot is written (needs SKYMINER_LONG)',
  async (context) => {
    const devices = await readdir('/dev');
    if (process.getuid?.() !== 0 || !['fuse', 'loop-control'].every((name) => devices.includes(name)))
      context.skip('needs root, /dev/fuse and loop devices');
    const found = await updatePower({ ...(await imageUnderTest()), cuts: CUTS, boots: BOOTS });
    expect(found).toMatchObject({ lost: [], cuts: CUTS, boots: BOOTS });
    // A campaign in which nothing is at stake would find nothing either.
    expect(found.holds.torn).toBeGreaterThan(CUTS / 10);
    for (const slot of ['A', 'B'] as const) expect(found.starts[slot]).toBeGreaterThan(0);
  },
  2 * BOOTING_MS,
);
