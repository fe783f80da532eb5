import { expect, it } from 'vitest';
import { updatePower } from '../../scripts/endurance/update-power/campaign.ts';
import { BOOTING_MS } from './fixture.ts';
import { imageUnderTest } from './image-under-test.ts';

/** `./scripts/soak --only update-power` has ten times as many. */
const CUTS = 200;
const BOOTS = 3;
it(
  'has one of two whole versions to start whenever the power is cut during an update',
  async () => {
    const found = await updatePower({ ...(await imageUnderTest()), cuts: CUTS, boots: BOOTS });
    expect(found).toMatchObject({ lost: [], cuts: CUTS, boots: BOOTS });
    // A campaign in which nothing is at stake would find nothing either.
    expect(found.holds.torn).toBeGreaterThan(CUTS / 10);
    for (const slot of ['A', 'B'] as const) expect(found.starts[slot]).toBeGreaterThan(0);
  },
  2 * BOOTING_MS,
);
