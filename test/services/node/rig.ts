import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { EndRule } from '../../../services/net/control/rules.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { FrameType, Link } from '../../../services/net/link/link.ts';
import { acceptSession, connectSession } from '../../../services/net/session/stream.ts';
import { Circuit, type CircuitOptions } from '../../../services/node/circuit/circuit.ts';
import type { CircuitChannel } from '../../../services/node/streams/channel.ts';
import type { Opening } from '../../../services/node/streams/frames.ts';
import { Mux } from '../../../services/node/streams/mux.ts';
import type { CircuitStream } from '../../../services/node/streams/stream.ts';
import { Switch } from '../../../services/node/switch/switch.ts';

/** A node without its manager: a switch, and links that the test makes. */
export interface Board {
  name: string;
  identity: Identity;
  switch: Switch;
}

/** Boards in this process, joined by links over real TCP connections on loopback. */
export class Rig implements AsyncDisposable {
  readonly #boards = new Map<string, Board>();
  readonly #cables = new Map<string, Cable>();
  readonly #circuits: Circuit[] = [];
  #labels = 1;

  board(name: string): Board {
    const found = this.#boards.get(name);
    if (found) return found;
    const board = { name, identity: Identity.generate(), switch: new Switch() };
    this.#boards.set(name, board);
    return board;
  }

  /** Makes a link between two boards, in place of the one there was. */
  async join(one: string, other: string): Promise<Cable> {
    const cable = await joined(this.board(one).identity, this.board(other).identity);
    this.board(one).switch.addLink(cable.links[0]);
    this.board(other).switch.addLink(cable.links[1]);
    this.#cables.set(nameOf(one, other), cable);
    return cable;
  }

  /** A link of a board with a neighbour that sends what the test wants: the neighbour's end of it. */
  async stranger(name: string, identity = Identity.generate()): Promise<Stranger> {
    const board = this.board(name);
    const cable = await joined(board.identity, identity);
    board.switch.addLink(cable.links[0]);
    this.#cables.set(nameOf(name, identity.publicKey), cable);
    const frames: Frame[] = [];
    const [there, link] = cable.links;
    link.on('frame', (type, label, payload) => frames.push({ type, label, payload }));
    return { key: identity.publicKey, link, there, frames };
  }

  cable(one: string, other: string): Cable {
    const cable = this.#cables.get(nameOf(one, other));
    if (cable === undefined) throw new Error(`no cable joins ${one} and ${other}`);
    return cable;
  }

  /** Installs a path of a circuit along boards that have links. */
  route(circuit: string, path: number, names: readonly string[], weight = 1_000): [EndRule, EndRule] {
    const labels = names.slice(1).map(() => this.#labels++);
    const keyAt = (at: number) => this.board(names[at] ?? '').identity.publicKey;
    const last = names.length - 1;
    for (let at = 1; at < last; at++)
      this.board(names[at] ?? '').switch.addRule({
        ...{ circuit, path },
        left: { neighbour: keyAt(at - 1), label: labels[at - 1] ?? 0 },
        right: { neighbour: keyAt(at + 1), label: labels[at] ?? 0 },
      });
    const common = { circuit, path, weight };
    const near = {
      ...common,
      peer: keyAt(last),
      opener: true,
      next: { neighbour: keyAt(1), label: labels[0] ?? 0 },
    };
    const far = {
      ...common,
      ...{ peer: keyAt(0), opener: false },
      next: { neighbour: keyAt(last - 1), label: labels.at(-1) ?? 0 },
    };
    this.board(names[last] ?? '').switch.addRule(far);
    this.board(names[0] ?? '').switch.addRule(near);
    return [near, far];
  }

  /** Both ends of a circuit along one or more paths, the first the lightest. */
  circuit(paths: readonly (readonly string[])[], options: Partial<CircuitOptions> = {}): [Circuit, Circuit] {
    const [first = []] = paths;
    const ends = this.ends(first[0] ?? '', first.at(-1) ?? '', options);
    for (const [path, names] of paths.entries()) this.addPath(ends, path, names, 1_000 + path);
    return ends;
  }

  /** Both ends of a circuit that has no paths yet. */
  ends(opener: string, other: string, options: Partial<CircuitOptions> = {}): [Circuit, Circuit] {
    const id = (this.#circuits.length + 1).toString(16).padStart(32, '0');
    const [near, far] = [this.board(opener), this.board(other)];
    const end = (board: Board, peer: Board, opener: boolean) =>
      new Circuit({
        ...{ id, peer: peer.identity.publicKey, opener, identity: board.identity, carrier: board.switch },
        ...options,
      });
    const ends: [Circuit, Circuit] = [end(near, far, true), end(far, near, false)];
    this.#circuits.push(...ends);
    return ends;
  }

  addPath(ends: readonly [Circuit, Circuit], path: number, names: readonly string[], weight: number): void {
    const rules = this.route(ends[0].id, path, names, weight);
    ends[1].addPath(rules[1]);
    ends[0].addPath(rules[0]);
  }

  /** One end loses all that it knew of a circuit, and learns of its path again. */
  forget(end: Circuit, path: number): Circuit {
    const board = [...this.#boards.values()].find((each) =>
      each.switch.rules.some(
        (rule) => rule.circuit === end.id && 'next' in rule && rule.opener === end.opener,
      ),
    );
    const rule = board?.switch.rules.find((each) => each.circuit === end.id && each.path === path);
    if (board === undefined || rule === undefined || !('next' in rule))
      throw new Error('no such end of a path');
    // What has lost all says nothing any more.
    end.removePath(path);
    board.switch.removeRule(rule);
    board.switch.addRule(rule);
    const { id, peer, opener } = end;
    const fresh = new Circuit({ id, peer, opener, identity: board.identity, carrier: board.switch });
    this.#circuits.push(fresh);
    fresh.addPath(rule);
    return fresh;
  }

  /** A board drops, doubles, swaps and delays a part of what it passes on. */
  corrupt(name: string, seed: number): void {
    const board = this.board(name);
    const random = randomOf(seed);
    for (const link of board.switch.links) {
      const send = link.send.bind(link);
      let held: Parameters<Link['send']> | undefined;
      link.send = (...frame) => {
        const chance = frame[0] === FrameType.data ? random() : 1;
        // It says that all was sent.
        if (chance < 0.05) return true;
        if (chance < 0.1) send(...frame);
        if (chance < 0.15 && held === undefined) {
          held = frame;
          return true;
        }
        const sent = send(...frame);
        if (held) send(...held);
        held = undefined;
        return sent;
      };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const circuit of this.#circuits) circuit.close('the test is over');
    for (const { links } of this.#cables.values()) {
      for (const link of links) link.close('the test is over');
      await Promise.all(links.map((link) => link.closed));
    }
  }
}

export interface Frame {
  type: number;
  label: number;
  payload: Buffer;
}

export interface Stranger {
  key: PublicKey;
  /** The stranger's end of the link. */
  link: Link;
  /** The board's end. */
  there: Link;
  /** What the board has sent. */
  frames: Frame[];
}

export interface Cable {
  sockets: readonly [Socket, Socket];
  links: readonly [Link, Link];
}

async function joined(one: Identity, other: Identity): Promise<Cable> {
  const [near, far] = await socketPair();
  const options = (identity: Identity, remote: PublicKey) => ({
    ...{ identity, purpose: 'link' as const },
    accept: (key: PublicKey) => key === remote,
  });
  const [session, peer] = await Promise.all([
    connectSession(near, options(one, other.publicKey)),
    acceptSession(far, options(other, one.publicKey)),
  ]);
  return { sockets: [near, far], links: [new Link(near, session), new Link(far, peer)] };
}

/** Both ends of a TCP connection on loopback. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', noDelay: true });
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')]);
  server.close();
  return [near, far];
}

/** Streams of both ends; what the far end is offered goes to `take`. */
export function muxes(
  [near, far]: readonly [Circuit, Circuit],
  take: (end: CircuitStream | CircuitChannel, opening: Opening) => void | Promise<void>,
): [Mux, Mux] {
  const metered = () => undefined;
  return [
    new Mux(near, { incoming: async () => undefined, metered }),
    new Mux(far, { incoming: async (opening, end) => take(end, opening), metered }),
  ];
}

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator, as of Numerical Recipes). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function nameOf(one: string, other: string): string {
  return [one, other].sort().join('–');
}
