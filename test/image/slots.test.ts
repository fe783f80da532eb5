import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeCopy } from '../../image/disk/state.ts';
import { breakStateCopy, wipePartition, writeStateCopy } from './disk-changes.ts';
import { BOOTING_MS, copyOfImage, Guest } from './fixture.ts';
import { isLong } from './long.ts';

const U_BOOT = { timeoutMs: 120_000 };
const STATE = /Slot state: [^\n]*\n/;
const START = /Starting slot [^\n]*\n/;

describe('the choice of a slot', () => {
  let image: string;

  beforeEach(async () => {
    image = await copyOfImage();
  });

  afterEach(() => rm(image, { force: true }));

  it('counts attempts, and falls back to slot B when slot A has none left', async () => {
    await using guest = await Guest.start({ image });
    for (const left of [2, 1, 0]) {
      expect(await guest.console.waitFor(START, U_BOOT)).toMatch(`Starting slot A, attempts left ${left}`);
      await guest.board.reset();
    }
    expect(await guest.console.waitFor(START, U_BOOT)).toMatch(/slot B, attempts left 2 A-used-up/);
  });

  it('tries all slots anew when none has attempts left', async () => {
    const left = { A: 0, B: 0 };
    await writeStateCopy(image, 0, encodeCopy({ sequence: 9, first: 'A', left }));
    await using guest = await Guest.start({ image });
    expect(await guest.console.waitFor(START, U_BOOT)).toMatch(
      /slot A, attempts left 2 A-used-up,B-used-up,all-used-up/,
    );
  });

  it('goes by the newer copy of the state, and writes over the older one', async () => {
    const full = { A: 3, B: 3 };
    await writeStateCopy(image, 0, encodeCopy({ sequence: 0x0f, first: 'A', left: full }));
    await writeStateCopy(image, 1, encodeCopy({ sequence: 0x10, first: 'B', left: full }));
    await using guest = await Guest.start({ image });
    expect(await guest.console.waitFor(STATE, U_BOOT)).toMatch(/valid copies 11, used 1, sequence 0x10/);
    expect(await guest.console.waitFor(START, U_BOOT)).toMatch(/slot B/);
    await guest.board.reset();
    expect(await guest.console.waitFor(STATE, U_BOOT)).toMatch(/valid copies 11, used 0, sequence 0x11/);
  });

  it('starts slot A when both copies of the state are wrong, and says so', async () => {
    await breakStateCopy(image, 0);
    await breakStateCopy(image, 1);
    await using guest = await Guest.start({ image });
    expect(await guest.console.waitFor(START, U_BOOT)).toMatch(/slot A, attempts left 2 state-lost/);
  });

  it('ignores a copy of the state that is wrong, and mends it', async () => {
    await writeStateCopy(image, 0, encodeCopy({ sequence: 5, first: 'A', left: { A: 3, B: 3 } }));
    await writeStateCopy(image, 1, encodeCopy({ sequence: 6, first: 'B', left: { A: 3, B: 3 } }));
    await breakStateCopy(image, 1);
    await using guest = await Guest.start({ image });
    expect(await guest.console.waitFor(STATE, U_BOOT)).toMatch(/valid copies 10, used 0, sequence 0x5/);
    expect(await guest.console.waitFor(START, U_BOOT)).toMatch(/slot A, attempts left 2/);
    await guest.board.reset();
    expect(await guest.console.waitFor(STATE, U_BOOT)).toMatch(/valid copies 11, used 1, sequence 0x6/);
  });
});

describe.skipIf(!isLong)('a board with something broken (needs SKYMINER_LONG)', () => {
  it(
    'boots the whole of slot B when both copies of the state are wrong and nothing of slot A is left, and says why',
    async () => {
      const broken = await copyOfImage();
      try {
        await breakStateCopy(broken, 0);
        await breakStateCopy(broken, 1);
        await wipePartition(broken, 'bootA');
        await wipePartition(broken, 'rootA');
        await using guest = await Guest.start({ image: broken });
        const greeting = await guest.booted();
        expect(greeting).toMatch(/slot B/);
        expect(greeting).toMatch(/because: .*state-lost/);
        expect(greeting).toMatch(/because: .*A-not-loaded/);
        expect(await guest.cli.run('status')).toMatch(/slot B \(.*state-lost/);
        expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');
        expect(await guest.cli.run('apps')).toMatch(/apptracker/);
      } finally {
        await rm(broken);
      }
    },
    BOOTING_MS,
  );
});
