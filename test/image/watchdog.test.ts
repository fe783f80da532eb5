import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';
import { isLong } from './long.ts';

/** The most that the watchdog of an Allwinner board counts, in seconds: far less than an emulated board is given. */
const SHORT_S = 16;
/** Longer than two of them. */
const LOAD_S = 40;

let guest: Guest;

beforeEach(async () => {
  guest = await bootedGuest();
  await guest.root.text(
    `busctl set-property org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager RuntimeWatchdogUSec t ${SHORT_S}000000`,
  );
}, BOOTING_MS);

afterEach(() => guest?.[Symbol.asyncDispose]());

describe('the hardware watchdog', () => {
  it('is fed by systemd from the start, as long as the board’s file says', async () => {
    const folder = '/sys/class/watchdog/watchdog0';
    expect(await guest.root.text(`cat ${folder}/identity ${folder}/state ${folder}/timeout`)).toBe(
      `i6300ESB timer\nactive\n${SHORT_S}`,
    );
    expect(await guest.root.text('cat /usr/lib/systemd/system.conf.d/watchdog.conf')).toBe(
      '[Manager]\nRuntimeWatchdogSec=120\nRebootWatchdogSec=120',
    );
  });

  it.skipIf(!isLong)(
    'lets a board be whose processors and disk have more to do than they can (needs SKYMINER_LONG)',
    async () => {
      const state = 'cat /proc/sys/kernel/random/boot_id; systemctl show viscript --property MainPID';
      const before = await guest.root.text(state);
      const busy = `timeout ${LOAD_S} sh -c 'while :; do :; done' & `;
      const writing = `timeout ${LOAD_S} sh -c 'while :; do dd if=/dev/zero of=/data/load bs=1M count=32 conv=fsync; done' 2>&1 & `;
      await guest.root.run(`${busy.repeat(8)}${writing}wait`);
      expect(await guest.root.text(state)).toBe(before);
    },
  );

  it(
    'starts a board anew whose kernel stands still, and it says why',
    async () => {
      await guest.root.text('echo 0 > /proc/sys/kernel/panic');
      await guest.console.write('echo c > /proc/sysrq-trigger\n');
      const trouble = 'the board hung, and its hardware watchdog has started it anew';
      expect(await guest.booted()).toContain(`Trouble: ${trouble}`);
      expect(await guest.cli.run('status')).toContain(`trouble: ${trouble}\n`);
    },
    BOOTING_MS,
  );
});

describe('a kernel that panics', () => {
  it.skipIf(!isLong)(
    'starts the board anew by itself (needs SKYMINER_LONG)',
    async () => {
      await guest.console.write('echo c > /proc/sysrq-trigger\n');
      expect(await guest.booted()).not.toMatch(/Trouble: the board hung/);
      expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');
    },
    BOOTING_MS,
  );
});
