import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Tracker, type TrackerOptions } from '../../../services/apptracker/service.ts';
import { formatAddress } from '../../../services/net/address.ts';
import { scratchFolder } from '../signal/support.ts';
import { connectTo, entryOf, secretOf } from './support.ts';

async function start(options: Partial<TrackerOptions> = {}): Promise<{ tracker: Tracker; address: string }> {
  const stateFile = join(await scratchFolder(), 'leases.json');
  const tracker = new Tracker({ address: { host: '127.0.0.1', port: 0 }, stateFile, ...options });
  await tracker.start();
  onTestFinished(() => tracker.stop());
  return { tracker, address: formatAddress(tracker.address) };
}

describe('the clock of the leases', () => {
  afterEach(() => void vi.useRealTimers());

  it('does not follow the wall clock', async () => {
    const { address } = await start();
    const client = await connectTo(address);
    await client.register(entryOf('app'), secretOf('a'), 60_000);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10 * 365 * 86_400_000 });
    expect(await client.find()).toHaveLength(1);
    vi.setSystemTime(0);
    expect(await client.find()).toHaveLength(1);
  });

  it('forgives apps that could not renew while the tracker itself stood still', async () => {
    const { address } = await start();
    const client = await connectTo(address);
    await client.register(entryOf('app'), secretOf('a'), 1_000);
    // Blocks this whole process, tracker and all, as SIGSTOP or a starved board would.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500);
    await client.renew('app', secretOf('a'));
  });
});

describe('the tracker keeps its bounds when a client', () => {
  it('registers more names than one may', async () => {
    const { address } = await start({ maxNamesPerClient: 2 });
    const client = await connectTo(address);
    for (const name of ['one', 'two', 'one']) await client.register(entryOf(name), secretOf('a'));
    await expect(client.register(entryOf('three'), secretOf('a'))).rejects.toMatchObject({ code: -32_012 });
    await client.release('one', secretOf('a'));
    await client.register(entryOf('three'), secretOf('a'));
  });

  it('finds it full', async () => {
    const { address } = await start({ maxEntries: 1 });
    const client = await connectTo(address);
    await client.register(entryOf('one'), secretOf('a'));
    await expect(client.register(entryOf('two'), secretOf('a'))).rejects.toMatchObject({ code: -32_012 });
  });

  it.each([
    ['name', ''],
    ['name', 'a b'],
    ['name', 'x'.repeat(65)],
    ['type', '../x'],
    ['node', 'x'.repeat(129)],
    ['address', 'x\n'],
  ])('registers a wrong %s (%j)', async (field, value) => {
    const { address } = await start();
    const client = await connectTo(address);
    const wrong = client.register({ ...entryOf('app'), [field]: value }, secretOf('a'));
    await expect(wrong).rejects.toMatchObject({ code: -32_602, message: expect.stringContaining(field) });
    expect(await client.find()).toEqual([]);
  });

  it('chooses a secret that can be guessed, or a lease without end', async () => {
    const { address } = await start();
    const client = await connectTo(address);
    await expect(client.register(entryOf('app'), 'short')).rejects.toMatchObject({ code: -32_602 });
    const endless = client.register(entryOf('app'), secretOf('a'), 3_600_001);
    await expect(endless).rejects.toMatchObject({ code: -32_602 });
  });

  it('opens connections without end: the longest silent goes, who speaks stays', async () => {
    const { tracker, address } = await start({ maxClients: 4 });
    const busy = await connectTo(address);
    const silent: Socket[] = [];
    const ends: Promise<unknown>[] = [];
    for (let count = 0; count < 20; count++) {
      const socket = createConnection(tracker.address);
      silent.push(socket);
      ends.push(once(socket.resume(), 'close'));
      await once(socket, 'connect');
      await busy.find();
    }
    await Promise.all(ends.slice(0, -3));
    expect(tracker.metrics.clients).toBeLessThanOrEqual(4);
    expect(await busy.find()).toEqual([]);
    for (const socket of silent) socket.destroy();
  });

  it('floods', async () => {
    const { address } = await start();
    const other = await connectTo(address);
    const flood = new WebSocket(`ws://${address}`);
    await once(flood, 'open');
    const closed = once(flood, 'close');
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'tracker.find' });
    for (let count = 0; count < 5_000; count++) flood.send(text, () => undefined);
    expect((await closed)[0]).toBe(1008);
    expect(await other.find()).toEqual([]);
  });

  it('is a page in a browser', async () => {
    const { address } = await start();
    const page = new WebSocket(`ws://${address}`, { origin: 'https://example.org' });
    const [error] = await once(page, 'error');
    expect(error).toBeInstanceOf(Error);
  });
});
