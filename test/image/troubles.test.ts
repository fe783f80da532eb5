import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, type ExpectStatic, expect, it } from 'vitest';
import { deletePartition, takeQuotasAway, wipePartition } from './disk-changes.ts';
import { BOOTING_MS, bootedGuest, copyOfImage, Guest, type GuestOptions } from './fixture.ts';
import { isLong } from './long.ts';

const SOON = { timeout: 120_000, interval: 1000 };

describe('a board in service', () => {
  let guest: Guest;

  beforeEach(async () => {
    guest = await bootedGuest();
  }, BOOTING_MS);

  afterEach(() => guest?.[Symbol.asyncDispose]());

  it('says what is wrong with its network while the cable is out, and nothing when it is in', async () => {
    await expect.poll(() => guest.cli.run('status'), SOON).not.toMatch(/^trouble:/m);
    await guest.board.setCable('out');
    await expect.poll(() => guest.cli.run('status'), SOON).toMatch(/^trouble: no network: no link on \w+;/m);
    await guest.board.setCable('in');
    await expect.poll(() => guest.cli.run('status'), SOON).not.toMatch(/^trouble:/m);
  });

  it('serves on when data can no longer be written, and its supervisor starts again', async () => {
    await guest.root.text('mount -o remount,ro /data');
    expect(await guest.cli.run('status')).toMatch(/^trouble: \/data\/viscript: its disk can only be read/m);
    await guest.root.text('systemctl restart viscript');
    await guest.cli.wake();
    expect(await guest.cli.run('status')).toMatch(/^trouble: \/data\/viscript: its disk can only be read/m);
  });

  it('starts with data full the apps that it has started before, and says why it starts no other', async () => {
    const start = (port: number) => guest.cli.run(`start apptracker 127.0.0.1:${port}`);
    await start(20000);
    await expect.poll(() => guest.cli.run('la -f'), SOON).toMatch(/^1 .*\bready\b/m);
    await guest.cli.run('sd 1');
    await fillData(guest);
    await start(20000);
    await expect.poll(() => guest.cli.run('la -f'), SOON).toMatch(/^2 .*\bready\b/m);
    // Beside the first it needs a folder of its own.
    await start(20001);
    await expect
      .poll(() => guest.cli.run('status'), SOON)
      .toMatch(
        /could not prepare viscript-app@apptracker_2\.service .*: is data full, with no room for its folder/,
      );
  });

  it.skipIf(!isLong)(
    'starts with data full, serves, and has lost nothing (needs SKYMINER_LONG)',
    async () => {
      const kept = 'sha256sum /data/machine-id /data/ssh/host/* /data/system/sectors';
      const before = await guest.root.text(kept);
      await fillData(guest);
      expect(await guest.cli.run('status')).toMatch(/^trouble: \/data\/viscript: its disk is full/m);
      await guest.board.reset();
      expect(await guest.booted()).toMatch(/Trouble: \/data\/viscript: its disk is full/);
      expect(await guest.root.text(kept)).toBe(before);
      await guest.root.text('rm /data/filler /data/filler.2');
      await expect.poll(() => guest.cli.run('status'), SOON).not.toMatch(/its disk is full/);
    },
    BOOTING_MS,
  );
});

/** To the last block, which only root can do. */
async function fillData(guest: Guest): Promise<void> {
  await guest.root.run(
    'dd if=/dev/zero of=/data/filler bs=1M; dd if=/dev/zero of=/data/filler.2 bs=512; sync',
  );
}

interface Changed extends GuestOptions {
  /** Of the test that asks: another one that runs beside it and ends would end the use of a common one. */
  expect: ExpectStatic;
  /** Makes the image what it is. */
  change?: (image: string) => Promise<unknown>;
}

/** Boots a copy of the image in which something was changed, runs an app on it, and looks whether it says what is wrong. */
async function bootsAndSays(trouble: string, { expect, change, ...options }: Changed): Promise<void> {
  const image = await copyOfImage();
  try {
    await change?.(image);
    await using guest = await Guest.start({ ...options, image });
    expect(await guest.booted()).toContain(`Trouble: ${trouble}`);
    await guest.cli.run('start apptracker 127.0.0.1:20000');
    await expect.poll(() => guest.cli.run('la -f'), SOON).toMatch(/\bready\b/);
    expect(await guest.cli.run('status')).toContain(`trouble: ${trouble}`);
  } finally {
    await rm(image);
  }
}

// They boot to the end: they share the machine's two cores.
describe.concurrent('a board whose data is not as it should be', () => {
  it.skipIf(!isLong)(
    'starts, runs apps and says so when the partition is not there (needs SKYMINER_LONG)',
    ({ expect }) =>
      bootsAndSays('there is no partition data: nothing that changes is kept', {
        expect,
        change: (image) => deletePartition(image, 'data'),
      }),
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'starts, runs apps and says so when nothing of its file system can be used (needs SKYMINER_LONG)',
    ({ expect }) =>
      bootsAndSays('data is damaged and cannot be mounted: nothing that changes is kept', {
        expect,
        change: (image) => wipePartition(image, 'data', 'whole'),
      }),
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'starts, runs apps and says so when its card can only be read (needs SKYMINER_LONG)',
    ({ expect }) =>
      bootsAndSays('data can only be read: nothing that changes is kept', { expect, writeProtected: true }),
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'starts, runs apps and says so when its data was made without quotas (needs SKYMINER_LONG)',
    ({ expect }) =>
      bootsAndSays('data has no quotas, so one app can fill it; a card that is flashed anew has them', {
        expect,
        change: takeQuotasAway,
      }),
    BOOTING_MS,
  );
});
