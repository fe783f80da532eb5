import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress } from '../../../services/net/address.ts';
import type { Peer } from '../../../services/net/control/messages.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { FrameType, type Link } from '../../../services/net/link/link.ts';
import { tcp } from '../../../services/net/transport/tcp.ts';
import type { Transport } from '../../../services/net/transport/transport.ts';
import { Neighbours, type NeighboursOptions } from '../../../services/node/neighbours.ts';
import { eventually } from './streams/support.ts';

class TestNode {
  readonly identity: Identity;
  readonly neighbours: Neighbours;
  readonly links: Link[] = [];
  readonly problems: string[] = [];

  static async start(options: Partial<NeighboursOptions> = {}): Promise<TestNode> {
    const node = new TestNode(options);
    onTestFinished(() => node.neighbours.stop());
    await node.neighbours.start();
    return node;
  }

  private constructor(options: Partial<NeighboursOptions>) {
    this.identity = options.identity ?? Identity.generate();
    const defaults = { transport: tcp, addresses: ['127.0.0.1:0'], admit: () => true };
    this.neighbours = new Neighbours({ ...defaults, ...options, identity: this.identity });
    this.neighbours.on('link', (link) => this.links.push(link));
    this.neighbours.on('problem', (message) => this.problems.push(message));
  }

  get key(): PublicKey {
    return this.identity.publicKey;
  }

  get peer(): Peer {
    return { key: this.key, name: this.key.slice(0, 4), addresses: this.neighbours.addresses };
  }

  get address() {
    return parseAddress(this.neighbours.addresses[0] ?? '');
  }
}

/** Two identities, the smaller key first. */
function identities(): [Identity, Identity] {
  const [one, other] = [Identity.generate(), Identity.generate()];
  return one.publicKey < other.publicKey ? [one, other] : [other, one];
}

/** Dials only once so many want to. */
function dialTogether(count: number): Transport {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  const dial: Transport['dial'] = async (...args) => {
    if (++waiting >= count) resolve();
    await promise;
    return await tcp.dial(...args);
  };
  return { ...tcp, dial };
}

/** What is sent on one end comes out at the other. */
async function joins(one: Link, other: Link): Promise<void> {
  const came = once(other, 'frame');
  one.send(FrameType.down, 4_711, []);
  expect((await came).slice(0, 2)).toEqual([FrameType.down, 4_711]);
}

describe('neighbours', () => {
  it('that dial each other at the same time have one link, the same at both ends', async () => {
    const pairs = Array.from({ length: 8 }, async () => {
      const transport = dialTogether(2);
      const [small, large] = identities();
      const one = await TestNode.start({ identity: small, transport });
      const other = await TestNode.start({ identity: large, transport });
      one.neighbours.setPeers([other.peer]);
      other.neighbours.setPeers([one.peer]);
      await untilJoined(one, other);
      await eventually(() => {
        for (const { neighbours } of [one, other]) expect(neighbours.links).toHaveLength(1);
      });
    });
    await Promise.all(pairs);
  });

  it('keep the newer link of a node that was cut off and dials again', async () => {
    const [small, large] = identities();
    for (const [dialler, dialled] of [
      [small, large],
      [large, small],
    ] as const) {
      const node = await TestNode.start({ identity: dialled });
      const before = await TestNode.start({ identity: dialler, addresses: [] });
      before.neighbours.setPeers([node.peer]);
      await eventually(() => expect(node.links).toHaveLength(1));
      const again = await TestNode.start({ identity: dialler, addresses: [] });
      again.neighbours.setPeers([node.peer]);
      before.neighbours.setPeers([]);
      await eventually(() => expect(node.links).toHaveLength(2));
      expect(await node.links[0]?.closed).toBe('there is a newer link');
      expect(node.neighbours.links).toEqual([node.links[1]]);
      await joins(again.neighbours.links[0] as Link, node.links[1] as Link);
    }
  });

  it('that are not admitted are refused, by whoever is dialled and by whoever dials', async () => {
    const node = await TestNode.start({ admit: () => false });
    const other = await TestNode.start({ addresses: [] });
    other.neighbours.setPeers([node.peer]);
    await eventually(() =>
      expect(node.problems[0]).toMatch(/^a link was refused: .* is not admitted here for a link/),
    );
    expect(node.links).toEqual([]);

    // Behind the address is somebody else than the one that is meant.
    const meant = Identity.generate().publicKey;
    const third = await TestNode.start({ addresses: [] });
    const open = await TestNode.start();
    third.neighbours.setPeers([{ ...open.peer, key: meant }]);
    await eventually(() =>
      expect(third.problems[0]).toMatch(/no link with .* is not admitted here for a link/),
    );
    expect(open.links).toEqual([]);
    // Not even dialled.
    const careful = await TestNode.start({ addresses: [], admit: () => false });
    careful.neighbours.setPeers([open.peer, { ...careful.peer, addresses: open.peer.addresses }]);
    expect(careful.problems).toEqual([]);
  });

  it('are dialled again until they can be reached, and that they cannot is told once', async () => {
    const [small, large] = identities();
    const node = await TestNode.start({ identity: small });
    const port = await freePort();
    const peer = { key: large.publicKey, name: 'board2', addresses: [`127.0.0.1:${port}`] };
    let dialled = 0;
    const dialler = await TestNode.start({
      ...{ identity: Identity.generate(), addresses: [] },
      transport: {
        ...tcp,
        dial: (...args) => {
          dialled++;
          return tcp.dial(...args);
        },
      },
    });
    dialler.neighbours.setPeers([peer, node.peer]);
    await eventually(() => expect(dialled).toBeGreaterThan(4));
    expect(dialler.problems).toEqual([`no link with board2: 127.0.0.1:${port}: nobody listens there`]);
    const late = await TestNode.start({ identity: large, addresses: [`127.0.0.1:${port}`] });
    await eventually(() => expect(late.links).toHaveLength(1));
    late.links[0]?.close('once more');
    await eventually(() => expect(late.links).toHaveLength(2));
  });

  it('are tried at each of their addresses', async () => {
    const node = await TestNode.start();
    const dialler = await TestNode.start({ addresses: [] });
    const addresses = [`127.0.0.1:${await freePort()}`, 'no-such-host.invalid:1', ...node.peer.addresses];
    dialler.neighbours.setPeers([{ ...node.peer, addresses }]);
    await eventually(() => expect(node.links).toHaveLength(1));
  });

  it('are those that were named last, also when they were named before', async () => {
    const [one, two] = [await TestNode.start(), await TestNode.start()];
    const dialler = await TestNode.start({ addresses: [] });
    dialler.neighbours.setPeers([one.peer]);
    await eventually(() => expect(one.links).toHaveLength(1));
    dialler.neighbours.setPeers([two.peer]);
    dialler.neighbours.setPeers([one.peer]);
    one.links[0]?.close('dial again');
    await eventually(() => expect(one.links).toHaveLength(2));
    dialler.neighbours.setPeers([]);
    one.links[1]?.close('and no more');
    await one.links[1]?.closed;
    dialler.neighbours.setPeers([two.peer]);
    await eventually(() => expect(two.links).toHaveLength(1));
    expect(one.links).toHaveLength(2);
  });

  it('that may not be neighbours any more are expelled', async () => {
    const members = new Set<PublicKey>();
    const node = await TestNode.start({ admit: (key) => members.has(key) });
    const [staying, leaving] = [
      await TestNode.start({ addresses: [] }),
      await TestNode.start({ addresses: [] }),
    ];
    members.add(staying.key).add(leaving.key);
    for (const each of [staying, leaving]) each.neighbours.setPeers([node.peer]);
    await eventually(() => expect(node.links).toHaveLength(2));
    members.delete(leaving.key);
    node.neighbours.reconsider();
    await eventually(() => expect(node.neighbours.links.map(({ remote }) => remote)).toEqual([staying.key]));
  });

  it('are reached although others open connections and say nothing', async () => {
    const node = await TestNode.start();
    const loris = Array.from({ length: 80 }, () => connect({ ...node.address }));
    const ended = (sockets: Socket[]) => sockets.filter((socket) => socket.closed);
    for (const socket of loris) {
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
      socket.resume();
    }
    // Only so many may be in their handshake.
    await eventually(() => expect(ended(loris)).toHaveLength(16));
    const other = await TestNode.start();
    node.neighbours.setPeers([other.peer]);
    await eventually(() => expect(other.links).toHaveLength(1));
    for (const socket of loris) socket.destroy();
    const third = await TestNode.start({ addresses: [] });
    third.neighbours.setPeers([node.peer]);
    await eventually(() => expect(third.links).toHaveLength(1));
  });

  it('may be garbage: the connection ends, and the others stay', async () => {
    const node = await TestNode.start();
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\0\0', '\xff\xff\xff', `\0\x2a${'x'.repeat(42)}`]) {
      const socket = connect({ ...node.address });
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(Buffer.from(garbage, 'latin1'));
      await once(socket, 'close');
    }
    await eventually(() => expect(node.problems).toHaveLength(4));
    expect(node.problems.every((problem) => problem.startsWith('a link was refused: '))).toBe(true);
  });

  it('see their links end when the node goes down, and its addresses are free', async () => {
    const node = await TestNode.start();
    const other = await TestNode.start({ addresses: [] });
    other.neighbours.setPeers([node.peer]);
    await eventually(() => expect(other.links).toHaveLength(1));
    const { addresses } = node.peer;
    await node.neighbours.stop();
    await other.links[0]?.closed;
    await TestNode.start({ addresses });
  });
});

describe('a node that listens', () => {
  it('takes a name that is its own', async () => {
    const node = await TestNode.start({ addresses: ['localhost:0'] });
    const other = await TestNode.start({ addresses: [] });
    other.neighbours.setPeers([node.peer]);
    await eventually(() => expect(other.links).toHaveLength(1));
  });

  it('listens on none of its addresses when one cannot be had', async () => {
    const taken = await TestNode.start();
    const port = await freePort();
    const addresses = [`127.0.0.1:${port}`, ...taken.neighbours.addresses];
    await expect(TestNode.start({ addresses })).rejects.toThrow(/in use already/);
    await TestNode.start({ addresses: [`127.0.0.1:${port}`] });
  });
});

/** Resolves when the link that one node has is that of the other. */
async function untilJoined(one: TestNode, other: TestNode): Promise<void> {
  for (;;) {
    const [near] = one.neighbours.links;
    const [far] = other.neighbours.links;
    if (near && far) {
      const over = Promise.race([near.closed, far.closed]).then(() => false);
      if (await Promise.race([joins(near, far).then(() => true), over])) return;
    }
    await new Promise(setImmediate);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
