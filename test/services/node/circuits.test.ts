import { describe, expect, it, onTestFinished } from 'vitest';
import { MeshError } from '../../../services/mesh/types.ts';
import type { PublicKey } from '../../../services/net/keys.ts';
import { Circuits, type CircuitsOptions } from '../../../services/node/circuits.ts';
import { maxStreams } from '../../../services/node/streams/mux.ts';
import { CircuitStream } from '../../../services/node/streams/stream.ts';
import { Rig } from './rig.ts';
import { eventually, hashOf, openStream, send, soon } from './streams/support.ts';

interface TestNode {
  name: string;
  key: PublicKey;
  circuits: Circuits;
  asked: string[];
  released: string[];
}

/** Two nodes with a link, and a manager that makes a path as soon as it is asked for one. */
class Pair {
  readonly rig = new Rig();
  readonly near: TestNode;
  readonly far: TestNode;
  #paths = 0;

  static async start(options: Partial<CircuitsOptions> = {}): Promise<Pair> {
    const pair = new Pair(options);
    onTestFinished(async () => {
      pair.near.circuits.stop('the test is over');
      pair.far.circuits.stop('the test is over');
      await pair.rig[Symbol.asyncDispose]();
    });
    await pair.rig.join('a', 'b');
    return pair;
  }

  private constructor(options: Partial<CircuitsOptions>) {
    this.near = this.#node('a', options);
    this.far = this.#node('b', {});
  }

  /** The manager has found a path from a to b, or to another node. */
  route(circuit: string, { name, circuits }: TestNode = this.far): void {
    const [near, far] = this.rig.route(circuit, this.#paths++, ['a', name]);
    circuits.addPath(far);
    this.near.circuits.addPath(near);
  }

  /** One more node, with a link to a. */
  async third(): Promise<TestNode> {
    const third = this.#node('c', {});
    onTestFinished(() => third.circuits.stop('the test is over'));
    await this.rig.join('a', 'c');
    return third;
  }

  #node(name: string, options: Partial<CircuitsOptions>): TestNode {
    const board = this.rig.board(name);
    const asked: string[] = [];
    const released: string[] = [];
    const circuits = new Circuits({
      ...{ identity: board.identity, carrier: board.switch, admits: () => true },
      ask: async (circuit) => {
        asked.push(circuit);
        this.route(circuit);
      },
      release: (circuit) => void released.push(circuit),
      streamsWith: () => ({
        incoming: async (_, end) => {
          if (end instanceof CircuitStream) end.pipe(end);
        },
        metered: () => undefined,
      }),
      ...options,
    });
    return { name, key: board.identity.publicKey, circuits, asked, released };
  }
}

describe('the circuits of a node', () => {
  it('are one to each other node, whoever opens streams at the same time', async () => {
    const { near, far } = await Pair.start();
    const muxes = await Promise.all(Array.from({ length: 10 }, () => near.circuits.to(far.key, soon())));
    expect(new Set(muxes).size).toBe(1);
    expect(near.asked).toHaveLength(1);
    const stream = await openStream(muxes[0] as (typeof muxes)[0]);
    const [sent, received] = await Promise.all([send(stream, 100_000), hashOf(stream)]);
    expect(received).toBe(sent);
  });

  it('serve both nodes, whichever has opened them', async () => {
    const { near, far } = await Pair.start();
    await near.circuits.to(far.key, soon());
    await eventually(() => expect(far.circuits.all[0]?.circuit.isReady).toBe(true));
    await openStream(await far.circuits.to(near.key, soon()));
    expect(far.asked).toEqual([]);
    expect(near.circuits.all.map(({ streams }) => streams)).toEqual([1]);
  });

  it('do not come about when there is no path, and are asked for again then', async () => {
    let asked = 0;
    const pair = await Pair.start({
      ask: async (circuit) => {
        if (++asked === 1) throw new Error('no path leads there');
        pair.route(circuit);
      },
    });
    const { near, far } = pair;
    await expect(near.circuits.to(far.key, soon())).rejects.toEqual(
      new MeshError('no-route', 'no path leads there'),
    );
    expect(near.circuits.all).toEqual([]);
    await near.circuits.to(far.key, soon());
  });

  it('are waited for as long as whoever wants one does', async () => {
    const pair = await Pair.start({ ask: async () => undefined });
    const { near, far } = pair;
    const giveUp = new AbortController();
    const wanted = near.circuits.to(far.key, giveUp.signal);
    const patient = near.circuits.to(far.key, soon());
    giveUp.abort();
    await expect(wanted).rejects.toMatchObject({ code: 'timeout' });
    pair.route(near.circuits.all[0]?.circuit.id ?? '');
    await patient;
    await expect(near.circuits.to(far.key, AbortSignal.abort())).rejects.toThrow();
  });

  it('are released when they are over, and the other end hears of it', async () => {
    const { near, far } = await Pair.start();
    await near.circuits.to(far.key, soon());
    await eventually(() => expect(far.circuits.all[0]?.circuit.isReady).toBe(true));
    near.circuits.all[0]?.circuit.close('enough');
    expect(near.released).toEqual(near.asked);
    await eventually(() => expect(far.circuits.all).toEqual([]));
    expect(far.released).toEqual([]);
  });

  it('of before the node was started anew are given back to the manager', async () => {
    const { near, far, rig } = await Pair.start();
    const [rule] = rig.route('f'.repeat(32), 7, ['a', 'b']);
    near.circuits.addPath(rule);
    expect(near.released).toEqual([rule.circuit]);
    expect(near.circuits.all).toEqual([]);
    expect(far.circuits.all).toEqual([]);
  });

  it('with nodes that are not admitted are none', async () => {
    const pair = await Pair.start({ admits: () => false });
    const [near] = pair.rig.route('e'.repeat(32), 7, ['a', 'b']);
    pair.near.circuits.addPath({ ...near, opener: false });
    expect(pair.near.circuits.all).toEqual([]);
  });

  it('end when the other node is not admitted any more', async () => {
    const { near, far } = await Pair.start();
    const mux = await near.circuits.to(far.key, soon());
    const stream = await openStream(mux);
    const failed = new Promise((resolve) => stream.once('error', resolve));
    near.circuits.expel((key) => key !== far.key);
    expect(await failed).toBeInstanceOf(MeshError);
    expect(near.circuits.all).toEqual([]);
  });

  it('without a path are announced to a manager that may not know them', async () => {
    const { near, far } = await Pair.start();
    await near.circuits.to(far.key, soon());
    await near.circuits.announce([]);
    expect(near.asked).toHaveLength(1);
    near.circuits.removePath({ circuit: near.asked[0] ?? '', path: 0 });
    await near.circuits.announce([]);
    expect(near.asked).toHaveLength(2);
    expect(near.asked[1]).toBe(near.asked[0]);
  });

  it('that ended while there was no manager are released when there is one again', async () => {
    const { near, far, rig } = await Pair.start();
    await near.circuits.to(far.key, soon());
    const [ended] = rig.route('d'.repeat(32), 7, ['a', 'b']);
    const { next, ...name } = ended;
    const relayed = { ...name, circuit: 'e'.repeat(32), left: next, right: next };
    const { rules } = rig.board('a').switch;
    expect(rules.map(({ circuit }) => circuit)).toEqual([near.asked[0], ended.circuit]);
    await near.circuits.announce([...rules, relayed]);
    expect(near.released).toEqual([ended.circuit]);
    expect(near.asked).toHaveLength(1);
  });

  it('without streams are closed after a while by their opener, those with streams are not', async () => {
    const ask = async (circuit: string, to: PublicKey) => {
      pair.route(circuit, to === third.key ? third : pair.far);
    };
    const pair: Pair = await Pair.start({ idleMs: 200, ask });
    const third: TestNode = await pair.third();
    const { near, far } = pair;
    const stream = await openStream(await near.circuits.to(far.key, soon()));
    await near.circuits.to(third.key, soon());
    const [used, idle] = near.circuits.all.map(({ circuit }) => circuit.id);
    await eventually(() => expect(near.released).toEqual([idle]));
    await eventually(() => expect(third.circuits.all).toEqual([]));
    expect(near.circuits.all).toMatchObject([{ circuit: { id: used }, streams: 1 }]);
    const [sent, received] = await Promise.all([send(stream, 100_000), hashOf(stream)]);
    expect(received).toBe(sent);
    await eventually(() => expect(near.released).toEqual([idle, used]));
    await eventually(() => expect(far.circuits.all).toEqual([]));
  });

  it('whose numbers for streams come to an end are followed by others, and go when their streams have', async () => {
    const few: Pick<CircuitsOptions, 'streamsWith'> = {
      streamsWith: () => ({
        incoming: async () => undefined,
        metered: () => undefined,
        maxId: 2 * maxStreams + 6,
      }),
    };
    const { near, far } = await Pair.start({ ...few, idleMs: 200 });
    const first = await near.circuits.to(far.key, soon());
    const early = await openStream(first);
    const second = await openStream(first);
    expect(await near.circuits.to(far.key, soon())).toBe(first);
    const third = await openStream(first);
    const next = await near.circuits.to(far.key, soon());
    expect(next).not.toBe(first);
    expect(await near.circuits.to(far.key, soon())).toBe(next);
    const late = await openStream(next);
    expect(near.asked).toHaveLength(2);
    // What runs goes on.
    const [sent, received] = await Promise.all([send(early, 100_000), hashOf(early)]);
    expect(received).toBe(sent);
    for (const stream of [second, third]) stream.destroy();
    await eventually(() => expect(near.released).toEqual([near.asked[0]]));
    expect(near.circuits.all).toMatchObject([{ circuit: { id: near.asked[1] }, streams: 1 }]);
    late.destroy();
  });
});
