import { describe, expect, it } from 'vitest';
import { connectTo, entryOf, freePort, secretOf, startTracker } from '../apptracker/support.ts';
import { scratchFolder } from '../signal/support.ts';
import type { NodeClient } from './node-client.ts';
import { Rack, until } from './support.ts';

const socks = (name: string) => ({ name, type: 'socks' });

describe('apps of nodes', () => {
  it('are found by name and by type, also from other nodes, and gone when their node says so', async () => {
    const rack = await Rack.startQuick(2);
    const [one, other] = (await rack.nodes()) as [NodeClient, NodeClient];
    expect(await one.setApps(socks('b'), socks('a'), { name: 'c', type: 'vpn' })).toEqual([]);
    expect(await other.find({ type: 'socks' })).toEqual([
      { ...socks('a'), node: one.key },
      { ...socks('b'), node: one.key },
    ]);
    expect(await other.find({ name: 'c' })).toEqual([{ name: 'c', type: 'vpn', node: one.key }]);
    expect(await other.find({ name: 'c', type: 'socks' })).toEqual([]);
    expect(await one.show('apps')).toContainEqual({ name: 'c', type: 'vpn', node: 'board0', key: one.key });
    await one.setApps(socks('a'));
    expect(await other.find({})).toEqual([{ ...socks('a'), node: one.key }]);
  });

  it('have names that others cannot have, until their node has been away', async () => {
    const rack = await Rack.startQuick(2, { leaseMs: 1_000 });
    const [one, other] = (await rack.nodes()) as [NodeClient, NodeClient];
    await one.setApps(socks('mine'));
    expect(await other.setApps(socks('mine'), socks('yours'))).toEqual(['mine']);
    one.close();
    await until(async () => expect(await other.setApps(socks('mine'), socks('yours'))).toEqual([]));
    expect(await other.find({ name: 'mine' })).toEqual([{ ...socks('mine'), node: other.key }]);
  });
});

describe('apps in the tracker', () => {
  it('are registered there on behalf of their nodes, and released', async () => {
    const tracker = await startTracker(await scratchFolder());
    const rack = await Rack.start(1, { tracker: tracker.address });
    const node = await rack.node(0);
    const looker = await connectTo(tracker.address);
    await until(async () => {
      await node.setApps(socks('a'));
      expect(await looker.find()).toMatchObject([{ ...socks('a'), node: node.key, address: 'a' }]);
    });
    await node.setApps();
    await until(async () => expect(await looker.find()).toEqual([]));
  });

  it('are refused where another one has the name; those of others are found', async () => {
    const tracker = await startTracker(await scratchFolder());
    const stranger = await connectTo(tracker.address);
    await stranger.register(entryOf('taken'), secretOf('stranger'));
    const rack = await Rack.start(1, { tracker: tracker.address });
    const node = await rack.node(0);
    await until(async () => expect(await node.setApps(socks('taken'), socks('free'))).toEqual(['taken']));
    expect(await node.find({ name: 'taken' })).toEqual([{ ...socks('taken'), node: entryOf('taken').node }]);
    await stranger.release('taken', secretOf('stranger'));
    expect(await node.setApps(socks('taken'), socks('free'))).toEqual([]);
  });

  it('come back with a tracker or a manager that was started anew', async () => {
    const [folder, port] = [await scratchFolder(), await freePort()];
    const rack = await Rack.start(1, { tracker: `127.0.0.1:${port}` });
    const node = await rack.node(0);
    expect(await node.setApps(socks('a'))).toEqual([]);
    expect(await node.find({ name: 'a' })).toHaveLength(1);
    const tracker = await startTracker(folder, port);
    const looker = await connectTo(tracker.address);
    await until(async () => expect(await looker.find()).toHaveLength(1));
    await rack.kill();
    await rack.launch([], tracker.address);
    const again = await rack.node(0);
    await until(async () => {
      expect(await again.setApps(socks('a'))).toEqual([]);
      expect(await looker.find()).toHaveLength(1);
    });
  });
});
