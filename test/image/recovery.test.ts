import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';

/** Generous: an emulated board on a busy machine starts Node in seconds. */
const BACK = { timeout: 180_000, interval: 1000 };

interface App {
  id: number;
  app: string;
  state: string;
  pid: number | null;
  restarts: number;
}

let guest: Guest;

beforeAll(async () => {
  guest = await bootedGuest();
  await guest.cli.run('start apptracker 127.0.0.1:20000');
  await vi.waitFor(async () => expect(await app()).toMatchObject({ state: 'ready' }), BACK);
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

describe('a board that loses a process', () => {
  it('has an app back that was killed', async () => {
    const before = await app();
    await guest.root.text(`kill -KILL ${before?.pid}`);
    await expect.poll(app, BACK).toMatchObject({ id: before?.id, state: 'ready', restarts: 1 });
    expect((await app())?.pid).not.toBe(before?.pid);
    expect(await guest.cli.run(`ping ${before?.id}`)).toMatch(/ping time/);
  });

  it('is back in service when viscript hangs', async () => {
    const before = await app();
    const supervisor = await mainPid();
    await guest.root.text(`kill -STOP ${supervisor}`);
    await expect.poll(mainPid, BACK).not.toBe(supervisor);
    await guest.cli.wake();
    await expect.poll(app, BACK).toMatchObject({ id: before?.id, state: 'ready', pid: before?.pid });
    expect(await guest.cli.run('status')).toMatch(
      /^started again at .*: it hung, and its watchdog killed it$/m,
    );
  });

  it('is back in service with its apps and no orphan when viscript was killed', async () => {
    const before = await app();
    const supervisor = await mainPid();
    await guest.root.text(`kill -KILL ${supervisor}`);
    await expect.poll(mainPid, BACK).not.toBe(supervisor);
    await guest.cli.wake();
    await expect.poll(app, BACK).toMatchObject({ id: before?.id, state: 'ready', pid: before?.pid });
    // The app connects again in its own time.
    await expect.poll(() => guest.cli.run(`ping ${before?.id}`), BACK).toMatch(/ping time/);
    expect(await processesOfApps()).toEqual([String(before?.pid)]);
    expect(await failedUnits(guest.root)).toBe('');
    expect(await guest.cli.run(`sd ${before?.id}`)).toMatch(/exited with code 0/);
    expect(await processesOfApps()).toEqual([]);
  });
});

async function app(): Promise<App | undefined> {
  const apps = await guest.root.run('runuser -u viscript -- viscript --json la', 120_000);
  return apps.status === 0 ? (JSON.parse(apps.output) as App[])[0] : undefined;
}

async function mainPid(): Promise<string> {
  return guest.root.text(
    'systemctl is-active -q viscript && systemctl show viscript --property MainPID --value || echo down',
  );
}

/** Every process in the slice of the apps, whoever started it. */
async function processesOfApps(): Promise<string[]> {
  const text = await guest.root.text(
    'cat $(find /sys/fs/cgroup/apps.slice -name cgroup.procs) </dev/null | sort -n',
  );
  return text === '' ? [] : text.split('\n');
}
