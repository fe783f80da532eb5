import { describe, expect, it, onTestFinished } from 'vitest';
import { MeshError } from '../../../services/mesh/types.ts';
import type { PublicKey } from '../../../services/net/keys.ts';
import { Circuits, type CircuitsOptions } from '../../../services/node/circuits.ts';
import { CircuitStream } from '../../../services/node/streams/stream.ts';
import { Rig } from './rig.ts';
import { eventually, hashOf, openStream, send, soon } from './streams/support.ts';

interface TestNode {
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

  /** The manager has found a path from a to b. */
  route(circuit: string): void {
    const [near, far] = this.rig.route(circuit, this.#paths++, ['a', 'b']);
    this.far.circuits.addPath(far);
    this.near.circuits.addPath(near);
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
    return { key: board.identity.publicKey, circuits, asked, released };
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
    await near.circuits.announce();
    expect(near.asked).toHaveLength(1);
    near.circuits.removePath({ circuit: near.asked[0] ?? '', path: 0 });
    await near.circuits.announce();
    expect(near.asked).toHaveLength(2);
    expect(near.asked[1]).toBe(near.asked[0]);
  });
});
