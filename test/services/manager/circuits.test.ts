import { describe, expect, it } from 'vitest';
import { controlError } from '../../../services/net/control/messages.ts';
import { RpcError } from '../../../services/signal/jsonrpc.ts';
import type { Call, NodeClient } from './node-client.ts';
import { follow, routesOf } from './paths.ts';
import { link, Rack, until } from './support.ts';

const ring = [
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 0],
] as const;
/** Settled at once, and old paths do not stay for long. */
const quick = { settleMs: 0, leaveMs: 100, retryMs: 100, distrustMs: 500 };

type FourNodes = [NodeClient, NodeClient, NodeClient, NodeClient];

async function ringOfFour(onCall?: (call: Call) => Promise<void> | void, timing = {}): Promise<FourNodes> {
  const rack = await Rack.startQuick(4, { ...quick, ...timing });
  const nodes = await rack.nodes(onCall ? { onCall } : {});
  await link(nodes, ring);
  return nodes as FourNodes;
}

describe('a circuit that is opened', () => {
  it('has rules on every hop of two paths, those on the opener last', async () => {
    const calls: Call[] = [];
    const rack = await Rack.start(4);
    const nodes = (await rack.nodes({ onCall: (call) => void calls.push(call) })) as FourNodes;
    await link(nodes, ring);
    const circuit = await nodes[0].open(nodes[2]);
    expect(routesOf(nodes, circuit)).toEqual([
      [0, 1, 2],
      [0, 3, 2],
    ]);
    expect(calls.filter(({ node }) => node === nodes[0])).toEqual([calls.at(-1)]);
    const weights = nodes[0].rulesOf(circuit).map((rule) => 'weight' in rule && rule.weight);
    expect(weights).toEqual([2_800, 2_800]);
  });

  it('shares no label of a link with another one', async () => {
    const nodes = await ringOfFour();
    const circuits = await Promise.all(Array.from({ length: 200 }, () => nodes[0].open(nodes[2])));
    for (const circuit of circuits) expect(routesOf(nodes, circuit)).toHaveLength(2);
    const labels = nodes[1].rulesOf(circuits[0] as string);
    expect(labels).toHaveLength(1);
    const all = [...nodes[1].rules.values()].flatMap((rule) =>
      'left' in rule ? [rule.left, rule.right] : [],
    );
    expect(new Set(all.map(({ neighbour, label }) => `${neighbour} ${label}`)).size).toBe(all.length);
  });

  it('is the same when it is asked for again', async () => {
    const nodes = await ringOfFour();
    const circuit = await nodes[0].open(nodes[2]);
    const before = follow(nodes, circuit);
    await nodes[0].open(nodes[2], circuit);
    expect(follow(nodes, circuit)).toEqual(before);
    await expect(nodes[0].open(nodes[1], circuit)).rejects.toMatchObject({ code: controlError.ruleConflict });
    await expect(nodes[1].open(nodes[2], circuit)).rejects.toMatchObject({ code: controlError.ruleConflict });
  });

  it('is refused to a node that is not there, to itself, and where no way leads', async () => {
    const rack = await Rack.startQuick(3, quick);
    const [one, other] = [await rack.node(0), await rack.node(1)];
    const absent = { key: rack.boards[2]?.publicKey ?? one.key };
    await expect(one.open(absent)).rejects.toMatchObject({ code: controlError.unknownNode });
    await expect(one.open(one)).rejects.toMatchObject({ code: -32_602 });
    await expect(one.open(other)).rejects.toMatchObject({ code: controlError.noRoute });
    expect(await one.show('circuits')).toEqual([]);
  });

  it('leads around a hop that refuses its rules, and leaves nothing of the first try behind', async () => {
    const nodes = await ringOfFour(({ node, method }) => {
      if (node === nodes[1] && method === 'rules.add') throw new RpcError(-32_603, 'out of order');
    });
    const circuit = await nodes[0].open(nodes[2]);
    await until(() => {
      expect(routesOf(nodes, circuit)).toEqual([[0, 3, 2]]);
      for (const node of [nodes[2], nodes[3]]) expect(node.rulesOf(circuit)).toHaveLength(1);
    });
  });

  it('leads around a hop that does not answer', async () => {
    const stuck = Promise.withResolvers<void>();
    const nodes = await ringOfFour(({ node, method }) => {
      if (node === nodes[1] && method === 'rules.add') return stuck.promise;
    });
    const circuit = await nodes[0].open(nodes[2]);
    expect(routesOf(nodes, circuit)).toEqual([[0, 3, 2]]);
    stuck.resolve();
    await nodes[1].report();
  });

  it('has both its paths again once the hop that failed takes rules', async () => {
    let isBroken = true;
    const nodes = await ringOfFour(({ node, method }) => {
      if (isBroken && node === nodes[1] && method === 'rules.add')
        throw new RpcError(-32_603, 'out of order');
    });
    const circuit = await nodes[0].open(nodes[2]);
    const [kept] = follow(nodes, circuit);
    isBroken = false;
    await until(() => expect(routesOf(nodes, circuit)).toHaveLength(2));
    expect(follow(nodes, circuit)).toContainEqual(kept);
  });

  it('gets other labels when a node has one in use that the manager does not know of', async () => {
    let refusals = 0;
    const nodes = await ringOfFour(({ node, method }) => {
      if (node !== nodes[1] || method !== 'rules.add' || refusals > 0) return;
      refusals++;
      throw new RpcError(controlError.ruleConflict, 'a label is in use');
    });
    const circuit = await nodes[0].open(nodes[2]);
    expect(routesOf(nodes, circuit)).toHaveLength(2);
  });

  it('fails when its far end takes no rules, and leaves none', async () => {
    const nodes = await ringOfFour(({ node, method }) => {
      if (node === nodes[2] && method === 'rules.add') throw new RpcError(-32_603, 'out of order');
    });
    const circuit = '0'.repeat(32);
    await expect(nodes[0].open(nodes[2], circuit)).rejects.toMatchObject({ code: controlError.noRoute });
    for (const node of nodes) expect(node.rulesOf(circuit)).toEqual([]);
  });
});

describe('a circuit that is closed', () => {
  it('leaves no rule anywhere', async () => {
    const nodes = await ringOfFour();
    const circuit = await nodes[0].open(nodes[2]);
    const other = await nodes[1].open(nodes[3]);
    await nodes[0].closeCircuit(circuit);
    for (const node of nodes) expect(node.rulesOf(circuit)).toEqual([]);
    expect(routesOf(nodes, other, 1)).toHaveLength(2);
    await nodes[0].closeCircuit(circuit);
  });

  it('is closed by one of its ends and nobody else', async () => {
    const nodes = await ringOfFour();
    const circuit = await nodes[0].open(nodes[2]);
    await expect(nodes[1].closeCircuit(circuit)).rejects.toMatchObject({ code: -32_602 });
    expect(routesOf(nodes, circuit)).toHaveLength(2);
    await nodes[2].closeCircuit(circuit);
    for (const node of nodes) expect(node.rulesOf(circuit)).toEqual([]);
  });

  it('is closed when its opener stays away', async () => {
    const nodes = await ringOfFour(undefined, { awayMs: 200 });
    const circuit = await nodes[0].open(nodes[2]);
    nodes[0].close();
    await until(() => {
      for (const node of nodes.slice(1)) expect(node.rulesOf(circuit)).toEqual([]);
    });
  });

  it('is closed when its opener comes back and knows nothing of it', async () => {
    const rack = await Rack.startQuick(4, quick);
    const nodes = (await rack.nodes()) as FourNodes;
    await link(nodes, ring);
    const circuit = await nodes[0].open(nodes[2]);
    await rack.node(0);
    await until(() => {
      for (const node of nodes.slice(1)) expect(node.rulesOf(circuit)).toEqual([]);
    });
  });
});

describe('a circuit whose links change', () => {
  it('keeps the path that is whole, with its number, and gets another one beside it', async () => {
    const rack = await Rack.startQuick(5, quick);
    const nodes = await rack.nodes();
    const [zero, one, two] = nodes as FourNodes;
    await link(nodes, [...ring, [0, 4], [4, 2]]);
    // The way over 4 is the worst.
    for (const [from, to] of [
      [zero, nodes[4]],
      [nodes[4], two],
    ] as const) {
      from?.setLink(to as NodeClient, { rtt: 0.05 });
      to?.setLink(from as NodeClient, { rtt: 0.05 });
    }
    await Promise.all(nodes.map((node) => node.report()));
    const circuit = await zero.open(two);
    const [, whole] = follow(nodes, circuit).sort((a, b) => a.places.join().localeCompare(b.places.join()));
    expect(whole?.places).toEqual([0, 3, 2]);
    await one.cut(two);
    await until(() => {
      expect(routesOf(nodes, circuit)).toEqual([
        [0, 3, 2],
        [0, 4, 2],
      ]);
      expect(one.rulesOf(circuit)).toEqual([]);
    });
    expect(follow(nodes, circuit)).toContainEqual(whole);
  });

  it('has the new paths before the old ones go', async () => {
    const least: number[] = [];
    const rack = await Rack.startQuick(4, quick);
    const nodes = (await rack.nodes({
      onCall: ({ method }) => {
        if (method === 'rules.remove')
          least.push(routesOf(nodes, circuit).filter((route) => !route.includes(-1)).length);
      },
    })) as FourNodes;
    let circuit = '';
    await link(nodes, ring.slice(0, 2));
    circuit = await nodes[0].open(nodes[2]);
    expect(routesOf(nodes, circuit)).toEqual([[0, 1, 2]]);
    // A direct link makes a pair of it; then a ring that is far better than both takes their place.
    nodes[0].setLink(nodes[3], { rtt: 0 });
    nodes[3].setLink(nodes[0], { rtt: 0 });
    nodes[3].setLink(nodes[2], { rtt: 0 });
    nodes[2].setLink(nodes[3], { rtt: 0 });
    nodes[0].setLink(nodes[2], { rtt: 0 });
    nodes[2].setLink(nodes[0], { rtt: 0 });
    await Promise.all(nodes.map((node) => node.report()));
    await until(() =>
      expect(routesOf(nodes, circuit)).toEqual([
        [0, 2],
        [0, 3, 2],
      ]),
    );
    expect(least.length).toBeGreaterThan(0);
    expect(Math.min(...least)).toBeGreaterThanOrEqual(1);
  });

  it('keeps what it has when no way is left, and moves when there is one again', async () => {
    const nodes = await ringOfFour();
    const circuit = await nodes[0].open(nodes[2]);
    await nodes[0].cut(nodes[1]);
    await until(() => expect(routesOf(nodes, circuit)).toEqual([[0, 3, 2]]));
    await nodes[2].cut(nodes[3]);
    await until(async () => expect(await nodes[0].show('circuits')).toMatchObject([{ state: 'no route' }]));
    expect(routesOf(nodes, circuit)).toEqual([[0, 3, 2]]);
    await link(nodes, [[0, 1]]);
    await until(() => expect(routesOf(nodes, circuit)).toEqual([[0, 1, 2]]));
  });

  it('stays as it is while a relay has lost only its manager, and is led around it for new circuits', async () => {
    const nodes = await ringOfFour(undefined, { graceMs: 50 });
    const circuit = await nodes[0].open(nodes[2]);
    const before = follow(nodes, circuit);
    nodes[1].close();
    await until(async () =>
      expect((await nodes[0].show('nodes')).find(({ key }) => key === nodes[1].key)?.since).toBeNull(),
    );
    const other = await nodes[0].open(nodes[2]);
    expect(routesOf(nodes, other)).toEqual([[0, 3, 2]]);
    expect(follow(nodes, circuit)).toEqual(before);
    expect(await nodes[0].show('links')).toHaveLength(4);
  });
});
