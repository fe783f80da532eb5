import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { takeQuotasAway, wipePartition } from './disk-changes.ts';
import { BOOTING_MS, bootedGuest, copyOfImage, Guest, type GuestOptions } from './fixture.ts';

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

  it(
    'starts with data full, serves, and has lost nothing',
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

/** Boots a copy of the image in which something was changed, and returns its greeting and status. Tests run beside each other. */
async function bootChanged(
  { expect }: TestContext,
  change: (image: string) => Promise<unknown>,
  options: GuestOptions = {},
) {
  const image = await copyOfImage();
  try {
    await change(image);
    await using guest = await Guest.start({ ...options, image });
    const greeting = await guest.booted();
    await guest.cli.run('start apptracker 127.0.0.1:20000');
    await expect.poll(() => guest.cli.run('la -f'), SOON).toMatch(/\bready\b/);
    return { greeting, status: await guest.cli.run('status') };
  } finally {
    await rm(image);
  }
}

// They boot to the end: they share the machine's two cores.
describe.concurrent('a board whose data is not as it should be', () => {
  it(
    'starts, runs apps and says so when nothing of its file system can be used',
    async (context) => {
      const { greeting, status } = await bootChanged(context, (image) =>
        wipePartition(image, 'data', 'whole'),
      );
      const trouble = 'data is damaged and cannot be mounted: nothing that changes is kept';
      context.expect(greeting).toContain(`Trouble: ${trouble}`);
      context.expect(status).toContain(`trouble: ${trouble}`);
    },
    BOOTING_MS,
  );

  it(
    'starts, runs apps and says so when its card can only be read',
    async (context) => {
      const { greeting, status } = await bootChanged(context, async () => undefined, {
        writeProtected: true,
      });
      const trouble = 'data can only be read: nothing that changes is kept';
      context.expect(greeting).toContain(`Trouble: ${trouble}`);
      context.expect(status).toContain(`trouble: ${trouble}`);
    },
    BOOTING_MS,
  );

  it(
    'starts, runs apps and says so when its data was made without quotas',
    async (context) => {
      const { greeting, status } = await bootChanged(context, takeQuotasAway);
      const trouble = 'data has no quotas, so one app can fill it; a card that is flashed anew has them';
      context.expect(greeting).toContain(`Trouble: ${trouble}`);
      context.expect(status).toContain(`trouble: ${trouble}`);
    },
    BOOTING_MS,
  );
});
