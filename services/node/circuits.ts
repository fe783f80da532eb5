import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { MeshError } from '../mesh/types.ts';
import type { EndRule, Rule } from '../net/control/rules.ts';
import type { Identity, PublicKey } from '../net/keys.ts';
import { Circuit } from './circuit/circuit.ts';
import type { PathCarrier } from './circuit/path-output.ts';
import { Mux, type MuxOptions } from './streams/mux.ts';

export interface CircuitsOptions {
  identity: Identity;
  carrier: PathCarrier;
  /** Whether there may be circuits with a node. */
  admits(key: PublicKey): boolean;
  /** Asks the manager for paths. @throws when there are none */
  ask(circuit: string, to: PublicKey): Promise<void>;
  /** Tells the manager that a circuit is not wanted any more. */
  release(circuit: string): void;
  /** As of {@link MuxOptions}, of the streams with one node. */
  streamsWith(peer: PublicKey): MuxOptions;
  /** A circuit without streams is closed by its opener after so many milliseconds. Default 60,000. */
  idleMs?: number | undefined;
}

export interface CircuitsEvents {
  /** The circuit with a node uses another path than before. */
  moved: [peer: PublicKey, path: number, why: string];
  problem: [message: string, peer: PublicKey];
}

const defaultIdleMs = 60_000;
/** Most circuits of one node, those of others to it among them. */
const maxCircuits = 4_096;

interface Entry {
  circuit: Circuit;
  mux: Mux;
  idleSince: number | undefined;
  /** Resolves when something can be sent; rejects when the circuit is over before. */
  ready: Promise<void>;
}

/** The circuits of this node: one to each node that its apps speak to, and those that others have opened to it. */
export class Circuits extends EventEmitter<CircuitsEvents> {
  readonly #options: CircuitsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Of those that this node has opened, the one to each node that new streams go on. */
  readonly #opened = new Map<PublicKey, Entry>();
  readonly #idleMs: number;
  readonly #sweep: NodeJS.Timeout;

  constructor(options: CircuitsOptions) {
    super();
    this.#options = options;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
    this.#sweep = setInterval(() => this.#closeIdle(), this.#idleMs / 4);
  }

  get all(): { circuit: Circuit; streams: number }[] {
    return Array.from(this.#entries.values(), ({ circuit, mux }) => ({ circuit, streams: mux.size }));
  }

  /** The path on which each circuit that this node has opened sends. */
  get inUse(): { circuit: string; path: number }[] {
    return this.#own.flatMap(({ circuit: { id, paths } }) =>
      paths.filter((path) => path.inUse).map(({ path }) => ({ circuit: id, path })),
    );
  }

  /** Streams with a node, on the circuit there is or on a new one. @throws {MeshError} */
  async to(peer: PublicKey, signal: AbortSignal): Promise<Mux> {
    signal.throwIfAborted();
    const entry = this.#usable(peer) ?? this.#open(peer);
    await race(entry.ready, signal, `no circuit to ${peer} came about`);
    return entry.mux;
  }

  /** A path of a circuit ends at this node from now on. */
  addPath(rule: EndRule): void {
    // The opener hears at once that nothing comes of it.
    if (!this.#options.admits(rule.peer)) {
      this.#options.release(rule.circuit);
      return;
    }
    const entry = this.#entries.get(rule.circuit) ?? this.#accept(rule);
    entry?.circuit.addPath(rule);
  }

  removePath({ circuit, path }: { circuit: string; path: number }): void {
    this.#entries.get(circuit)?.circuit.removePath(path);
  }

  /**
   * Opens the circuits of this node anew at a manager that may not know them, and releases those that ended while there was
   * no manager to tell.
   *
   * @param rules all that this node has
   */
  async announce(rules: readonly Rule[]): Promise<void> {
    const known = new Set(rules.filter((rule) => 'next' in rule).map(({ circuit }) => circuit));
    for (const circuit of known) if (!this.#entries.has(circuit)) this.#options.release(circuit);
    const lost = this.#own.filter(({ circuit }) => circuit.paths.length === 0);
    await Promise.all(lost.map(({ circuit }) => this.#options.ask(circuit.id, circuit.peer)));
  }

  /** Ends the circuits with nodes that may have none any more. */
  expel(admits: (key: PublicKey) => boolean): void {
    for (const { circuit } of [...this.#entries.values()])
      if (!admits(circuit.peer)) circuit.close('this node does not belong to the mesh any more');
  }

  stop(reason: string): void {
    clearInterval(this.#sweep);
    for (const { circuit } of [...this.#entries.values()]) circuit.close(reason);
  }

  /** Those that this node has opened. */
  get #own(): Entry[] {
    return [...this.#entries.values()].filter(({ circuit }) => circuit.opener);
  }

  #usable(peer: PublicKey): Entry | undefined {
    const opened = this.#opened.get(peer);
    if (opened && !opened.mux.spent) return opened;
    for (const entry of this.#entries.values())
      if (entry.circuit.peer === peer && entry.circuit.isReady && !entry.mux.spent) return entry;
    return undefined;
  }

  #open(peer: PublicKey): Entry {
    const entry = this.#add(randomBytes(16).toString('hex'), peer, true);
    this.#opened.set(peer, entry);
    // Others may wait for the same circuit, so one that gives up does not end it.
    this.#options.ask(entry.circuit.id, peer).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      entry.circuit.close(message);
    });
    return entry;
  }

  #accept({ circuit: id, peer, opener }: EndRule): Entry | undefined {
    if (this.#entries.size >= maxCircuits) {
      this.emit('problem', `more than ${maxCircuits} circuits: one of ${peer} is not taken`, peer);
      return undefined;
    }
    // One that this node opened before it was started anew has no use any more.
    if (opener) {
      this.#options.release(id);
      return undefined;
    }
    return this.#add(id, peer, false);
  }

  #add(id: string, peer: PublicKey, opener: boolean): Entry {
    const { identity, carrier } = this.#options;
    const circuit = new Circuit({ id, peer, opener, identity, carrier });
    const mux = new Mux(circuit, this.#options.streamsWith(peer));
    const ready = Promise.withResolvers<void>();
    // Whoever waits hears of it; nobody may.
    ready.promise.catch(() => undefined);
    const entry = { circuit, mux, idleSince: undefined, ready: ready.promise };
    this.#entries.set(id, entry);
    circuit.once('ready', () => ready.resolve());
    circuit.on('moved', (path, why) => this.emit('moved', peer, path, why));
    circuit.on('problem', (message) => this.emit('problem', message, peer));
    circuit.once('closed', (reason) => {
      ready.reject(new MeshError('no-route', reason));
      this.#entries.delete(id);
      if (this.#opened.get(peer) === entry) this.#opened.delete(peer);
      if (opener) this.#options.release(id);
    });
    return entry;
  }

  #closeIdle(): void {
    const now = performance.now();
    for (const entry of this.#own) {
      if (entry.mux.size > 0 || !entry.circuit.isReady) entry.idleSince = undefined;
      else if (entry.idleSince === undefined) entry.idleSince = now;
      else if (now - entry.idleSince > this.#idleMs) entry.circuit.close('nothing uses it');
    }
  }
}

async function race(promise: Promise<void>, signal: AbortSignal, late: string): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new MeshError('timeout', late));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
