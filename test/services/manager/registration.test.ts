import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../services/net/keys.ts';
import { webSocket } from '../../../services/net/transport/websocket.ts';
import { NodeClient } from './node-client.ts';
import { launchManager, link, Rack, until } from './support.ts';

describe('a node that registers', () => {
  it('is welcomed with the name of the mesh, its peers and the list of members', async () => {
    const rack = await Rack.start(3);
    const first = await rack.connect(0);
    expect(await first.hello()).toEqual({
      ...{ domain: 'mesh.test', reportMs: 1_000, peers: [] },
      members: await readFile(rack.listFile, 'utf8'),
    });
    const second = await rack.node(1, { addresses: ['10.0.0.2:6000'], list: 1 });
    expect(second.members).toBeUndefined();
    expect(second.peers).toEqual([{ key: first.key, name: 'board0', addresses: ['127.0.0.1:1'] }]);
    await until(() => expect(first.peers.map(({ name }) => name)).toEqual(['board1']));
    const third = await rack.node(2);
    expect(third.peers).toHaveLength(2);
    await until(() => expect(first.peers.map(({ name }) => name).sort()).toEqual(['board1', 'board2']));
    second.close();
    await until(() => expect(first.peers.map(({ name }) => name)).toEqual(['board2']));
  });

  it('takes the place of its own connection of before', async () => {
    const rack = await Rack.start(2);
    const before = await rack.node(0);
    const other = await rack.node(1);
    const after = await rack.node(0);
    expect(await before.peer.closed).toMatch(/closed|again/);
    expect((await after.show('nodes')).map(({ name }) => name)).toEqual(['board0', 'board1']);
    await link([after, other], [[0, 1]]);
    await after.open(other);
  });

  it('is cut off when it says nothing any more', async () => {
    const rack = await Rack.startQuick(1, { silentMs: 200 });
    const node = await rack.node(0);
    expect(await node.peer.closed).toBeDefined();
  });

  it('says hello first, and once', async () => {
    const rack = await Rack.start(1);
    const hasty = await rack.connect(0);
    await expect(hasty.report()).rejects.toThrow(/node\.hello comes first/);
    expect(await hasty.peer.closed).toBeDefined();
    const twice = await rack.node(0);
    await expect(twice.hello()).rejects.toThrow(/says hello once/);
  });

  it('may come over WebSocket too', async () => {
    const rack = await Rack.start(2, { args: ['--ws', '127.0.0.1:0'] });
    const line = (await rack.process?.line(/^also over WebSocket on /)) ?? '';
    const node = await rack.node(0, {
      transport: webSocket,
      address: line.replace('also over WebSocket on ', ''),
    });
    expect(await node.show('nodes')).toHaveLength(1);
  });

  it('may be a peer that is no member, under a name that no member can have', async () => {
    const friend = Identity.generate();
    const rack = await Rack.start(1, { args: ['--peer', friend.publicKey] });
    const client = await rack.node(0, { identity: friend });
    expect(await client.show('nodes')).toMatchObject([{ name: `a-node@${friend.publicKey.slice(0, 8)}` }]);
  });
});

describe('whoever is not admitted', () => {
  it('is let in no further than the handshake', async () => {
    const rack = await Rack.start(1);
    const stranger = Identity.generate();
    const client = await rack.connect(0, { identity: stranger });
    await expect(client.hello()).rejects.toThrow(/connection lost/);
    await rack.process?.line(new RegExp(`^refused: .*${stranger.publicKey} is not admitted here`));
  });

  it('is everybody when nobody was named', async () => {
    const rack = await Rack.start(1);
    await rack.kill();
    const lonely = launchManager(['mesh.test', rack.address, '-', '--key', rack.keyFile]);
    await lonely.line(/^nobody is admitted/);
    await lonely.line(/^listening as/);
    await expect((await rack.connect(0)).hello()).rejects.toThrow(/connection lost/);
  });

  it('sees by the key when this is not the manager that it wants', async () => {
    const rack = await Rack.start(1);
    const wanted = Identity.generate().publicKey;
    await expect(
      NodeClient.connect({
        ...{ identity: rack.boards[0] as Identity, address: rack.address, manager: wanted },
      }),
    ).rejects.toThrow(new RegExp(`${rack.key} is not admitted here`));
  });
});

describe('the list of members', () => {
  it('is read again when it changes: who has left is cut off, the others learn of it', async () => {
    const rack = await Rack.start(2);
    const [staying, leaving] = await rack.nodes();
    const text = await rack.writeList(rack.boards.slice(0, 1));
    await rack.process?.line(/^members: list 2$/);
    expect(await leaving?.peer.closed).toBeDefined();
    await until(() => expect(staying?.members).toBe(text));
    await expect((await rack.connect(1)).hello()).rejects.toThrow(/connection lost/);
    expect((await rack.node(0)).members).toBe(text);
  });

  it('is not replaced by an older one, also not over a restart', async () => {
    const rack = await Rack.start(2);
    await rack.writeList(rack.boards.slice(0, 1), 7);
    await rack.process?.line(/^members: list 7$/);
    await rack.writeList(rack.boards, 6);
    await rack.process?.line(/is not newer than list 7$/);
    await expect((await rack.connect(1)).hello()).rejects.toThrow(/connection lost/);
    await rack.kill();
    const again = await rack.launch();
    await again.line(/has list 6, which is older$/);
    await expect((await rack.connect(1)).hello()).rejects.toThrow(/connection lost/);
    await rack.node(0);
  });

  it('is not replaced by one that another key has signed, or that is broken', async () => {
    const rack = await Rack.start(1);
    const other = await Rack.start(1);
    await writeFile(rack.listFile, await readFile(other.listFile));
    await rack.process?.line(/^the list of members stays: of another rack/);
    await writeFile(rack.listFile, 'skyminer/membership/v1\n');
    await rack.process?.line(/^the list of members stays: line 1/);
    await rack.node(0);
  });
});

describe('the identity of the manager', () => {
  it('is made once, for its owner alone, and stays', async () => {
    const rack = await Rack.start(1);
    expect((await stat(rack.keyFile)).mode & 0o777).toBe(0o600);
    const { key } = rack;
    await rack.kill();
    await rack.launch();
    expect(rack.key).toBe(key);
  });
});
