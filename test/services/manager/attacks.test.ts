import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress } from '../../../services/net/address.ts';
import { controlError, managerMethods } from '../../../services/net/control/messages.ts';
import { Identity } from '../../../services/net/keys.ts';
import type { NodeClient } from './node-client.ts';
import { link, Rack, until } from './support.ts';

async function rawSocket(address: string): Promise<Socket> {
  const socket = connect({ ...parseAddress(address) });
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

describe('whoever wants to keep nodes out', () => {
  it('opens connections and says nothing: nodes come in all the same, and only so many wait', async () => {
    const rack = await Rack.start(2);
    const slow = await Promise.all(Array.from({ length: 200 }, () => rawSocket(rack.address)));
    // One byte of the first message, and no more.
    for (const socket of slow) socket.write(Buffer.of(0));
    const nodes = await rack.nodes();
    expect(await nodes[0]?.show('nodes')).toHaveLength(2);
    await until(() => expect(slow.filter(({ closed }) => !closed).length).toBeLessThanOrEqual(64));
  });

  it('sends garbage: the connection ends, and the manager serves on', async () => {
    const rack = await Rack.start(1);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 40, maxLength: 4_000 }), async (bytes) => {
        const socket = await rawSocket(rack.address);
        // A length that can be, so that the garbage is read as the first message.
        socket.write(Buffer.concat([Buffer.of(0, bytes.length % 256), bytes]));
        socket.end();
        socket.resume();
        await once(socket, 'close');
      }),
      { numRuns: 50 },
    );
    expect(await (await rack.node(0)).show('nodes')).toHaveLength(1);
  });

  it('proves to be a node, and never says hello: it is cut off, and another connection of it is not harmed', async () => {
    const rack = await Rack.startQuick(1, { helloMs: 200 });
    const silent = await rack.connect(0);
    const node = await rack.node(0);
    expect(await silent.peer.closed).toBeDefined();
    expect(await node.show('nodes')).toHaveLength(1);
  });

  it('proves to be a node many times over: only a few of its connections stay', async () => {
    const rack = await Rack.startQuick(1);
    const all = [];
    for (let count = 0; count < 6; count++) all.push(await rack.connect(0));
    await Promise.all(all.slice(0, 2).map(({ peer }) => peer.closed));
    await all.at(-1)?.hello();
  });
});

describe('a node that lies', () => {
  it('about a link has none: the other end does not report it', async () => {
    const rack = await Rack.start(3);
    const [liar, honest, other] = (await rack.nodes()) as [NodeClient, NodeClient, NodeClient];
    await link([honest, other], [[0, 1]]);
    liar.setLink(honest);
    liar.setLink(other);
    await liar.report();
    expect(await honest.show('links')).toHaveLength(1);
    await expect(liar.open(other)).rejects.toMatchObject({ code: controlError.noRoute });
  });

  it.each([
    ['a loss of 2', { loss: 2 }],
    ['a time below nothing', { rtt: -1 }],
    ['less than no bytes', { sent: -1 }],
  ])('and reports %s is refused, and nothing of the report counts', async (_, figures) => {
    const rack = await Rack.startQuick(3);
    const nodes = (await rack.nodes()) as [NodeClient, NodeClient, NodeClient];
    await link(nodes, [[0, 1]]);
    nodes[0].setLink(nodes[2], figures);
    nodes[2].setLink(nodes[0]);
    await nodes[2].report();
    await expect(nodes[0].report()).rejects.toMatchObject({ code: -32_602 });
    expect(await nodes[0].show('links')).toHaveLength(1);
  });

  it('and reports a link with itself, or with nobody, is not believed', async () => {
    const rack = await Rack.startQuick(2);
    const node = await rack.node(0);
    node.setLink({ key: Identity.generate().publicKey });
    await node.report();
    expect(await node.show('links')).toEqual([]);
    node.setLink(node);
    await expect(node.report()).rejects.toThrow(/itself as a neighbour/);
  });

  it('about its rules gets no circuit of others into its hands', async () => {
    const rack = await Rack.startQuick(3, { settleMs: 0, leaveMs: 50 });
    const nodes = (await rack.nodes()) as [NodeClient, NodeClient, NodeClient];
    await link(nodes, [
      [0, 1],
      [1, 2],
    ]);
    const circuit = await nodes[0].open(nodes[2]);
    const { path, ...relay } = nodes[1].rulesOf(circuit)[0] ?? { path: 0 };
    if (!('left' in relay)) throw new Error('no relay');
    const claim = { circuit, path: path + 1, peer: nodes[2].key, opener: true, weight: 1, next: relay.right };
    const again = await rack.node(1, {
      rules: [...nodes[1].rules.values(), { ...claim, next: { ...relay.right, label: 9 } }],
    });
    await until(() => expect(again.rulesOf(circuit)).toHaveLength(1));
    expect(await nodes[0].show('circuits')).toMatchObject([{ circuit, fromKey: nodes[0].key }]);
    await expect(again.closeCircuit(circuit)).rejects.toMatchObject({ code: -32_602 });
  });

  it('sends what is no message of the protocol, and harms nobody', async () => {
    const rack = await Rack.startQuick(2);
    const [node, other] = (await rack.nodes()) as [NodeClient, NodeClient];
    const methods = [...Object.values(managerMethods), 'no.method'].filter(
      (method) => method !== managerMethods.hello,
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...methods), fc.object(), async (method, params) => {
        await node.peer.call(method, params, { parse: () => undefined }).catch((error: unknown) => {
          expect(error).toMatchObject({ code: expect.toBeOneOf([-32_602, -32_601]) });
        });
      }),
      { numRuns: 500 },
    );
    expect(await other.show('nodes')).toHaveLength(2);
  });
});
