import { controlError } from '../../net/control/messages.ts';
import type { Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import { errorCode, RpcError } from '../../signal/jsonrpc.ts';
import type { Move } from '../routing/circuit-keeper.ts';
import type { Routing } from '../routing/routing.ts';
import type { Ends } from './chain.ts';
import { Circuit, type Outcome } from './circuit.ts';
import { Gate } from './gate.ts';
import { install } from './installer.ts';
import { endsInBook } from './learn.ts';
import { isLinked, type PresentPath, presentPaths, wantedPaths } from './paths.ts';
import { RuleBook } from './rule-book.ts';
import { RuleSender } from './rule-sender.ts';

export interface CircuitsOptions {
  routing: Routing;
  isConnected(node: PublicKey): boolean;
  /** Whether a node that is not connected may be an end of a circuit; called once for each such end. */
  expects(node: PublicKey): boolean;
  /** Asks a node; rejects also when it is not connected. */
  call(node: PublicKey, method: string, params: object): Promise<void>;
  /** How long nothing that nodes have is touched after the start, milliseconds. Default 10,000. */
  settleMs?: number | undefined;
  /** How long a path stays after another one took its place. Default 5,000. */
  leaveMs?: number | undefined;
  /** How long a circuit stays when its opener is away. Default 60,000. */
  awayMs?: number | undefined;
  /** How often what could not be done is tried again. Default 5,000. */
  retryMs?: number | undefined;
  /** How long a node that did not take rules gets none. Default 10,000. */
  distrustMs?: number | undefined;
}

/** How often new paths are tried that do not lead over nodes that have failed. */
const attempts = 4;
/** Circuits that are worked on at the same time: no node gets more calls at once than it takes. */
const gateWidth = 64;
/** Most circuits that one node may have opened. */
const maxCircuits = 4_096;

/**
 * The circuits, and the rules on nodes that make them. What a circuit has is read from the book of rules, what it should
 * have is the route that Routing gives it; one look at it makes the first the second: new paths first, then the old ones
 * go.
 */
export class Circuits {
  readonly book = new RuleBook();
  readonly #options: CircuitsOptions & { leaveMs: number; awayMs: number; distrustMs: number };
  readonly #sender: RuleSender;
  readonly #circuits = new Map<string, Circuit>();
  readonly #opened = new Map<PublicKey, Set<Circuit>>();
  readonly #distrusted = new Map<PublicKey, number>();
  readonly #gate = new Gate(gateWidth);
  readonly #settling: NodeJS.Timeout;
  readonly #retrying: NodeJS.Timeout;
  #settled = false;
  #moves = 0;

  constructor(options: CircuitsOptions) {
    const { leaveMs = 5_000, awayMs = 60_000, distrustMs = 10_000 } = options;
    this.#options = { ...options, leaveMs, awayMs, distrustMs };
    this.#sender = new RuleSender(this.book, options);
    this.#settling = setTimeout(() => this.#settle(), options.settleMs ?? 10_000);
    this.#retrying = setInterval(() => this.#retry(), options.retryMs ?? 5_000);
  }

  get all(): Iterable<Circuit> {
    return this.#circuits.values();
  }

  get size(): number {
    return this.#circuits.size;
  }

  /** A node says on which paths it sends; what it says of circuits that it has not opened is ignored. */
  noteInUse(node: PublicKey, paths: readonly { circuit: string; path: number }[]): void {
    for (const { circuit: id, path } of paths) {
      const circuit = this.#circuits.get(id);
      if (circuit?.from === node) circuit.inUse = path;
    }
  }

  /** How often paths of a circuit were replaced. */
  get moves(): number {
    return this.#moves;
  }

  pathsOf(circuit: Circuit): PresentPath[] {
    return presentPaths(this.book, circuit);
  }

  /**
   * Joins two nodes. Asked again by the same node it does what is not done yet.
   *
   * @returns resolves once the rules are in place
   * @throws {RpcError} with a code of {@link controlError}, `busy` or `invalidParams`
   */
  async open(id: string, from: PublicKey, to: PublicKey): Promise<void> {
    const circuit = this.#circuits.get(id) ?? this.#begin(id, from, to);
    if (circuit.from !== from || circuit.to !== to)
      throw new RpcError(controlError.ruleConflict, `circuit ${id} joins other nodes`);
    const outcome = await this.#gate.run(() => this.#work(circuit));
    if (outcome === 'in place' || outcome === 'detour') return;
    if (this.pathsOf(circuit).length === 0) await this.close(id, from);
    throw refusal(outcome, circuit);
  }

  /** Takes all rules of a circuit back. @throws {RpcError} `invalidParams` when it is not one of the node's */
  async close(id: string, by: PublicKey): Promise<void> {
    const circuit = this.#circuits.get(id);
    // One that only the nodes know of, so soon after the start.
    const ends = circuit ?? endsInBook(this.book, id);
    if (ends === undefined) return;
    if (ends.from !== by && ends.to !== by)
      throw new RpcError(errorCode.invalidParams, `circuit ${id} does not end at ${by}`);
    if (circuit) await this.#end(circuit);
    else await this.#removeAll(id);
  }

  /** Circuits have other routes than before. */
  moved(moves: readonly Move[]): void {
    for (const { circuit } of moves) this.#schedule(this.#circuits.get(circuit));
  }

  /** @param rules all that the node has */
  nodeConnected(node: PublicKey, rules: readonly Rule[]): void {
    this.#distrusted.delete(node);
    const changed = this.book.replace(node, rules);
    for (const circuit of this.#opened.get(node) ?? []) clearTimeout(circuit.away);
    if (!this.#settled) return;
    const known = new Set(rules.map(({ circuit }) => circuit));
    for (const circuit of [...(this.#opened.get(node) ?? [])])
      if (!known.has(circuit.id)) void this.#end(circuit);
    for (const id of known) if (!this.#circuits.has(id)) this.#adopt(id);
    for (const id of changed) this.#schedule(this.#circuits.get(id));
    this.#retry();
  }

  nodeDisconnected(node: PublicKey): void {
    this.#sender.giveUp(node);
    for (const circuit of this.#opened.get(node) ?? []) this.#expectOpener(circuit);
  }

  /** A node is not part of the mesh any more; if it comes back it tells what it has. */
  nodeGone(node: PublicKey): void {
    this.book.forget(node);
  }

  /** Ends the circuits of nodes that may have none any more. */
  expel(admits: (node: PublicKey) => boolean): void {
    for (const circuit of [...this.#circuits.values()])
      if (!admits(circuit.from) || !admits(circuit.to)) void this.#end(circuit);
  }

  /** Leaves all rules where they are. */
  stop(): void {
    clearTimeout(this.#settling);
    clearInterval(this.#retrying);
    this.#sender.stop();
    for (const circuit of this.#circuits.values()) circuit.stop();
    this.#circuits.clear();
  }

  #begin(id: string, from: PublicKey, to: PublicKey): Circuit {
    if (from === to) throw new RpcError(errorCode.invalidParams, 'a circuit has two different ends');
    if (!this.#options.isConnected(to))
      throw new RpcError(controlError.unknownNode, `there is no node ${to}`);
    if ((this.#opened.get(from)?.size ?? 0) >= maxCircuits)
      throw new RpcError(errorCode.busy, `one node may open ${maxCircuits} circuits`);
    return this.#add(id, { from, to });
  }

  #add(id: string, ends: Ends): Circuit {
    const circuit = new Circuit(id, ends, (this.book.pathsOf(id).at(-1) ?? -1) + 1);
    const paths = this.pathsOf(circuit)
      .slice(-2)
      .map(({ nodes }) => nodes);
    this.#options.routing.open(id, ends.from, ends.to, paths);
    this.#circuits.set(id, circuit);
    this.#opened.set(ends.from, (this.#opened.get(ends.from) ?? new Set()).add(circuit));
    return circuit;
  }

  /** A circuit that only the nodes know of. What nobody wants is removed. */
  #adopt(id: string): void {
    const ends = endsInBook(this.book, id);
    if (ends === undefined || !this.#isExpected(ends.from) || !this.#isExpected(ends.to)) {
      void this.#removeAll(id);
      return;
    }
    const circuit = this.#add(id, ends);
    if (!this.#options.isConnected(ends.from)) this.#expectOpener(circuit);
    this.#schedule(circuit);
  }

  #isExpected(node: PublicKey): boolean {
    return this.#options.isConnected(node) || this.#options.expects(node);
  }

  #expectOpener(circuit: Circuit): void {
    clearTimeout(circuit.away);
    circuit.away = setTimeout(() => void this.#end(circuit), this.#options.awayMs);
  }

  #settle(): void {
    this.#settled = true;
    for (const id of this.book.circuits()) if (!this.#circuits.has(id)) this.#adopt(id);
    for (const circuit of this.#circuits.values()) this.#schedule(circuit);
  }

  #retry(): void {
    for (const [node, until] of this.#distrusted)
      if (until <= performance.now()) this.#distrusted.delete(node);
    for (const circuit of this.#circuits.values())
      if (circuit.outcome !== 'in place') this.#schedule(circuit);
  }

  #schedule(circuit: Circuit | undefined): void {
    if (circuit === undefined || circuit.scheduled || !this.#settled) return;
    circuit.scheduled = true;
    void this.#gate.run(() => {
      circuit.scheduled = false;
      return this.#work(circuit);
    });
  }

  #work(circuit: Circuit): Promise<Outcome> {
    return circuit.inTurn(async () => {
      circuit.outcome = await this.#bringAbout(circuit);
      return circuit.outcome;
    });
  }

  /** Gives a circuit the paths that it should have. */
  async #bringAbout(circuit: Circuit): Promise<Outcome> {
    const { routing, isConnected } = this.#options;
    const isUsable = (node: PublicKey) => isConnected(node) && !this.#distrusted.has(node);
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (!this.#isOpen(circuit)) return 'closed';
      if (!isConnected(circuit.from) || !isConnected(circuit.to)) return 'waiting';
      circuit.forgetLeft(this.book.pathsOf(circuit.id));
      const present = this.pathsOf(circuit);
      const wanted = wantedPaths(routing, circuit, present, isUsable);
      if (wanted === undefined) return 'no route';
      const added = await this.#install(circuit, wanted.missing);
      if (added === 'failed') return 'failed';
      if (added === 'again') continue;
      if (present.length > 0 && added.length > 0) this.#moves++;
      if (this.#settled) this.#retire(circuit, [...wanted.kept, ...added]);
      return wanted.isDetour ? 'detour' : 'in place';
    }
    return 'failed';
  }

  /** @returns the numbers of the new paths; `again` when other relays or labels may do */
  async #install(
    circuit: Circuit,
    paths: Parameters<typeof install>[3],
  ): Promise<number[] | 'again' | 'failed'> {
    if (paths.length === 0) return [];
    const isOpen = () => this.#isOpen(circuit);
    const { numbers, silent, conflict } = await install(this.book, this.#sender, circuit, paths, isOpen);
    if (isOpen() && silent.length === 0 && !conflict) return numbers;
    this.#removePaths(circuit, numbers);
    const ends = [circuit.from, circuit.to];
    for (const node of silent)
      if (!ends.includes(node)) this.#distrusted.set(node, performance.now() + this.#options.distrustMs);
    return ends.some((end) => silent.includes(end)) ? 'failed' : 'again';
  }

  /** Lets all paths of a circuit go but some: at once what carries nothing any more, the others when they have drained. */
  #retire(circuit: Circuit, staying: readonly number[]): void {
    const { routing, leaveMs } = this.#options;
    const whole = new Map(this.pathsOf(circuit).map(({ number, nodes }) => [number, nodes]));
    const going = this.book
      .pathsOf(circuit.id)
      .filter((number) => !staying.includes(number) && !circuit.leaving.has(number));
    const isAlive = (number: number) => {
      const nodes = whole.get(number);
      return nodes !== undefined && isLinked(routing, nodes);
    };
    this.#removePaths(
      circuit,
      going.filter((number) => !isAlive(number)),
    );
    for (const number of going.filter(isAlive))
      circuit.leaving.set(
        number,
        setTimeout(() => this.#removePaths(circuit, [number]), leaveMs),
      );
  }

  #removePaths(circuit: Circuit, numbers: readonly number[]): void {
    for (const number of numbers) {
      clearTimeout(circuit.leaving.get(number));
      circuit.leaving.set(number, undefined);
    }
    void this.#sender.remove(numbers.map((path) => ({ circuit: circuit.id, path })));
  }

  async #end(circuit: Circuit): Promise<void> {
    if (!this.#isOpen(circuit)) return;
    circuit.stop();
    this.#circuits.delete(circuit.id);
    const opened = this.#opened.get(circuit.from);
    opened?.delete(circuit);
    if (opened?.size === 0) this.#opened.delete(circuit.from);
    this.#options.routing.close(circuit.id);
    await this.#removeAll(circuit.id);
  }

  #removeAll(id: string): Promise<void> {
    return this.#sender.remove(this.book.pathsOf(id).map((path) => ({ circuit: id, path })));
  }

  #isOpen(circuit: Circuit): boolean {
    return this.#circuits.get(circuit.id) === circuit;
  }
}

function refusal(outcome: Outcome, { id, to }: Circuit): RpcError {
  switch (outcome) {
    case 'waiting':
      return new RpcError(controlError.unknownNode, `node ${to} is not connected`);
    case 'failed':
      return new RpcError(controlError.noRoute, `nodes on the way to ${to} do not take rules`);
    case 'closed':
      return new RpcError(controlError.noRoute, `circuit ${id} was closed meanwhile`);
    default:
      return new RpcError(controlError.noRoute, `no way leads to ${to} now`);
  }
}
