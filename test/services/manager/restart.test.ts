import { describe, expect, it } from 'vitest';
import type { Rule } from '../../../services/net/control/rules.ts';
import type { NodeClient } from './node-client.ts';
import { follow, routesOf } from './paths.ts';
import { link, Rack, until } from './support.ts';

const ring = [
  [0, 1],
  [1, 2],
  [2, 3],
  [3, 0],
] as const;

/** Those that were connected to the manager of before come to the one of now, with the rules that they have. */
async function comeBack(
  rack: Rack,
  nodes: readonly NodeClient[],
  without: readonly number[] = [],
): Promise<NodeClient[]> {
  return Promise.all(
    nodes.flatMap((node, board) =>
      without.includes(board) ? [] : [rack.node(board, { rules: [...node.rules.values()] })],
    ),
  );
}

describe('a manager that was killed and started again', () => {
  it('learns circuits back, touches nothing at first, and repairs then what has broken meanwhile', async () => {
    const rack = await Rack.start(4);
    const nodes = await rack.nodes();
    await link(nodes, ring);
    const circuit = await nodes[0]?.open(nodes[2] as NodeClient);
    const lost = await nodes[0]?.open(nodes[1] as NodeClient);
    if (circuit === undefined || lost === undefined) throw new Error('no circuit');
    const before = follow(nodes, circuit);
    await rack.kill();
    await rack.launch();
    // The end of one circuit forgets it; so nobody has asked for its rules.
    for (const [name, rule] of nodes[0]?.rules ?? []) if (rule.circuit === lost) nodes[0]?.rules.delete(name);
    const again = await comeBack(rack, nodes);
    await link(again, ring.slice(1));
    expect(follow(again, circuit)).toEqual(before);
    expect(again[1]?.rulesOf(lost)).not.toEqual([]);
    const whole = before.filter(({ places }) => places.includes(3));
    await until(() => expect(follow(again, circuit)).toEqual(whole));
    await until(() => {
      for (const node of again) expect(node.rulesOf(lost)).toEqual([]);
    });
    expect(await again[0]?.show('circuits')).toMatchObject([
      { circuit, from: 'board0', to: 'board2', paths: 1 },
    ]);
    await link(again, ring.slice(0, 1));
    await until(() => expect(routesOf(again, circuit)).toHaveLength(2));
    expect(follow(again, circuit)).toContainEqual(whole[0]);
    expect(Math.max(...follow(again, circuit).map(({ path }) => path))).toBeGreaterThan(1);
  });
});

// Long enough for all nodes to come back on a busy machine.
const quick = { settleMs: 2_000, leaveMs: 100, retryMs: 100 };

describe('a manager that learns', () => {
  async function restarted(awayMs = 60_000) {
    const rack = await Rack.startQuick(4, quick);
    const nodes = await rack.nodes();
    await link(nodes, ring);
    const circuit = (await nodes[0]?.open(nodes[2] as NodeClient)) ?? '';
    await rack.manager?.stop();
    await rack.run({ ...quick, awayMs });
    return { rack, nodes, circuit };
  }

  it('leaves whole circuits exactly as they are, though it would choose other paths now', async () => {
    const { rack, nodes, circuit } = await restarted();
    const again = await comeBack(rack, nodes);
    const before = follow(nodes, circuit);
    await link(again, ring);
    again[0]?.setLink(again[2] as NodeClient, { rtt: 0.002 });
    again[2]?.setLink(again[0] as NodeClient, { rtt: 0.002 });
    await Promise.all(again.map((node) => node.report()));
    await until(async () => expect(await again[0]?.show('circuits')).toMatchObject([{ state: 'in place' }]));
    expect(follow(again, circuit)).toEqual(before);
  });

  it('waits for an opener that is away, and closes its circuits when it does not come', async () => {
    const { rack, nodes, circuit } = await restarted(2_000);
    const again = await comeBack(rack, nodes, [0]);
    await until(async () => expect(await again[0]?.show('circuits')).toMatchObject([{ circuit, paths: 2 }]));
    await until(() => {
      for (const node of again) expect(node.rulesOf(circuit)).toEqual([]);
    });
  });

  it('gives a circuit new paths when nobody but its opener knows of it', async () => {
    const { rack, nodes, circuit } = await restarted();
    for (const node of nodes.slice(1)) node.rules.clear();
    const again = await comeBack(rack, nodes);
    await link(again, ring);
    await until(() =>
      expect(routesOf(again, circuit)).toEqual([
        [0, 1, 2],
        [0, 3, 2],
      ]),
    );
  });

  it('removes rules that belong to no circuit, and takes no claim of others for one', async () => {
    const { rack, nodes, circuit } = await restarted();
    const [zero, one, two] = nodes as [NodeClient, NodeClient, NodeClient];
    const liar: Rule = {
      ...{ circuit: 'f'.repeat(32), path: 0, peer: zero.key, opener: false, weight: 1 },
      next: { neighbour: two.key, label: 7 },
    };
    one.rules.set('a lie', liar);
    const again = await comeBack(rack, nodes);
    await link(again, ring);
    await until(() => expect(again[1]?.rulesOf(liar.circuit)).toEqual([]));
    expect(routesOf(again, circuit)).toHaveLength(2);
    expect(await again[0]?.show('circuits')).toHaveLength(1);
  });

  it('takes the rules of a circuit back that was closed while it was away, from its first moment on', async () => {
    const { rack, nodes, circuit } = await restarted();
    const again = await comeBack(rack, nodes);
    await again[0]?.closeCircuit(circuit);
    for (const node of again) expect(node.rulesOf(circuit)).toEqual([]);
    expect(await again[0]?.show('circuits')).toEqual([]);
  });

  it('lets nobody else close a circuit that it does not know yet', async () => {
    const { rack, nodes, circuit } = await restarted();
    const again = await comeBack(rack, nodes);
    await expect(again[1]?.closeCircuit(circuit)).rejects.toThrow('does not end at');
    expect(routesOf(again, circuit)).toHaveLength(2);
  });
});
