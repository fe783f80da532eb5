import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, Guest } from './fixture.ts';

/** A card of 2 GiB, a clock that lost its time, one slow processor, no network port and no source of random numbers. */
const DISK_MIB = 2048;
const WRONG_CLOCK = '2000-01-01T00:00:00';

let guest: Guest;
let greeting: string;

beforeAll(async () => {
  guest = await Guest.start({
    network: 'none',
    entropy: 'none',
    cpus: 1,
    diskMiB: DISK_MIB,
    clock: WRONG_CLOCK,
  });
  greeting = await guest.booted();
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

describe('a board with no network, on its first boot from a larger card', () => {
  it('comes into service and greets with name, slot, uptime and things to try', async () => {
    expect(greeting).toMatch(/skyminer/);
    expect(greeting).toMatch(/slot A/);
    expect(greeting).toMatch(/up \d+[ms]/);
    expect(greeting).toMatch(/Try:.*apps.*la.*help/);
    expect(greeting).toMatch(/viscript@[\w.-]+> $/);
  });

  it('says so in its greeting and its status', async () => {
    expect(greeting).toMatch(/Trouble: no network: this board has no network port/);
    expect(await guest.cli.run('status')).toMatch(/^trouble: no network: this board has no network port$/m);
  });

  it('has not been reset by its watchdog, however slowly it starts', async () => {
    expect(await guest.root.text('cat /sys/class/watchdog/watchdog0/state')).toBe('active');
    expect(await guest.root.text('cat /sys/class/watchdog/watchdog0/bootstatus')).toBe('0');
    expect(await guest.root.text('cat /proc/cmdline')).toMatch(/skyminer\.left=2 /);
  });

  it('has no failed unit', async () => {
    expect(await failedUnits(guest.root)).toBe('');
    expect(await guest.root.text('systemctl is-system-running --wait')).toBe('running');
  });

  it('has grown its data to the whole card', async () => {
    const size = Number(await guest.root.text('df -B1M --output=size /data | tail -n 1'));
    expect(size).toBeGreaterThan(DISK_MIB / 2);
  });

  it('has a clock that is not before the image was made', async () => {
    const [now = 0, made = 0] = (await guest.root.text('date +%s; stat -c %Y /usr/lib/clock-epoch'))
      .split('\n')
      .map(Number);
    expect(now).toBeGreaterThanOrEqual(made);
    expect(made).toBeGreaterThan(Date.parse('2024-01-01') / 1000);
  });
});
