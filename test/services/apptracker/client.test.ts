import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadOwnerSecret, Registration, type RegistrationOptions } from '../../../services/names/client.ts';
import { scratchFolder } from '../signal/support.ts';
import { connectTo, entryOf, freePort, secretOf, startTracker } from './support.ts';

function keep(address: string, options: Partial<RegistrationOptions> = {}): Registration {
  const registration = new Registration({
    address,
    entry: entryOf('app'),
    secret: secretOf('owner'),
    backoff: { firstMs: 10, maxMs: 50 },
    ...options,
  });
  onTestFinished(() => registration.release());
  return registration;
}

describe('a registration', () => {
  it('outlives its lease by renewing it, and is gone when released', async () => {
    const tracker = await startTracker(await scratchFolder());
    const client = await connectTo(tracker.address);
    const registration = keep(tracker.address, { leaseMs: 1_000 });
    await once(registration, 'registered');
    // Its lease is the shorter one: when the other has expired, only renewing explains that it is still there.
    await client.register(entryOf('clock'), secretOf('clock'), 1_500);
    expect(await tracker.line(/^expired /)).toBe('expired clock');
    expect(await client.find({ name: 'app' })).toHaveLength(1);
    await registration.release();
    expect(await client.find({ name: 'app' })).toEqual([]);
  });

  it('comes back by itself after the tracker was killed and started again', async () => {
    const folder = await scratchFolder();
    const port = await freePort();
    const first = await startTracker(folder, port);
    const registration = keep(first.address);
    await once(registration, 'registered');
    const failed = once(registration, 'failed');
    const again = once(registration, 'registered');
    first.child.kill('SIGKILL');
    expect(String((await failed)[0])).toContain(`lost the tracker on ${first.address}`);
    const second = await startTracker(folder, port);
    await again;
    expect(await (await connectTo(second.address)).find({ name: 'app' })).toHaveLength(1);
  });

  it('waits for a tracker that is not there yet', async () => {
    const port = await freePort();
    const registration = keep(`127.0.0.1:${port}`);
    await once(registration, 'failed');
    const registered = once(registration, 'registered');
    await startTracker(await scratchFolder(), port);
    await registered;
  });

  it('gets a name that another held as soon as that one lets go', async () => {
    const { address } = await startTracker(await scratchFolder());
    const holder = await connectTo(address);
    await holder.register(entryOf('app'), secretOf('holder'));
    const registration = keep(address);
    expect((await once(registration, 'failed'))[0]).toMatchObject({ code: -32_010 });
    const registered = once(registration, 'registered');
    await holder.release('app', secretOf('holder'));
    await registered;
  });
});

describe('the secret of an owner', () => {
  it('is made once, kept private, and the same after a restart', async () => {
    const file = join(await scratchFolder(), 'state', 'owner');
    const secret = await loadOwnerSecret(file);
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await loadOwnerSecret(file)).toBe(secret);
    expect(await loadOwnerSecret(`${file}2`)).not.toBe(secret);
  });
});
