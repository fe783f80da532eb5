import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOOTING_MS, copyOfBootedDisk, Guest } from './fixture.ts';
import { isLong } from './long.ts';

/** What must be the same after every restart. */
const IDENTITY = 'cat /etc/machine-id /data/ssh/host/ssh_host_ed25519_key.pub; hostname';

let disk: { keep: string };
let identity: string;

beforeAll(async () => {
  const booted = await copyOfBootedDisk();
  disk = booted.disk;
  await using guest = await Guest.start(booted);
  await guest.cli.wake();
  identity = await guest.root.text(IDENTITY);
  await guest.root.text('touch /etc/left-in-memory /data/left-on-data');
  await guest.board.powerOff();
  expect(await guest.board.exited).toBe(0);
}, BOOTING_MS);

afterAll(() => rm(disk.keep, { force: true }));

describe.skipIf(!isLong)(
  'a board that is switched off by its button and on again (needs SKYMINER_LONG)',
  () => {
    it(
      'keeps host keys and machine-id, forgets changes to its root, and has nothing to repair',
      async () => {
        await using guest = await Guest.start({ disk });
        expect(await guest.booted()).not.toMatch(/because/);
        expect(await guest.root.text('cat /proc/cmdline')).toMatch(/skyminer\.slot=A skyminer\.left=2 /);
        expect(await guest.root.text(IDENTITY)).toBe(identity);
        expect(await guest.root.text('ls /etc/left-in-memory /data/left-on-data 2>&1 || true')).toMatch(
          /cannot access '\/etc\/left-in-memory'[\s\S]*\/data\/left-on-data/,
        );
        expect(
          await guest.root.text('journalctl -b -o cat | grep -E "recovering journal|orphan" || true'),
        ).toBe('');
        expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');
      },
      BOOTING_MS,
    );

    it(
      'is the same after a reboot, which counts as no failure either',
      async () => {
        await using guest = await Guest.start({ disk });
        await guest.booted();
        const before = await attemptsLeft(guest);
        await guest.root.reboot();
        expect(await guest.booted()).not.toMatch(/because/);
        // More when the slot has proved good meanwhile.
        expect(await attemptsLeft(guest)).toBeGreaterThanOrEqual(before);
        expect(await guest.root.text(IDENTITY)).toBe(identity);
      },
      2 * BOOTING_MS,
    );
  },
);

/** Of slot A, as the boot script has counted them. */
async function attemptsLeft(guest: Guest): Promise<number> {
  const commandLine = await guest.root.text('cat /proc/cmdline');
  return Number(/skyminer\.slot=A skyminer\.left=(\d) /.exec(commandLine)?.[1]);
}
