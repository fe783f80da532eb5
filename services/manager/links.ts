import type { LinkReport } from '../net/control/messages.ts';
import type { PublicKey } from '../net/keys.ts';
import { errorCode, RpcError } from '../signal/jsonrpc.ts';
import type { Move } from './routing/circuit-keeper.ts';
import type { Routing } from './routing/routing.ts';
import { problemWith } from './routing/weight.ts';

export interface LinksOptions {
  routing: Routing;
  /** How long a node that is not connected counts as reporting what it reported last, milliseconds. Default 10,000. */
  graceMs?: number | undefined;
  onMoves(moves: Move[]): void;
  /** A node has neither a connection nor links any more. */
  onGone(node: PublicKey): void;
}

/** A link as both ends report it. */
export interface MeasuredLink {
  ends: readonly [PublicKey, PublicKey];
  /** Microseconds, see `weightOf`. */
  weight: number;
  /** What each end reports. */
  reports: readonly [LinkReport, LinkReport];
}

/**
 * The links of the mesh, by what nodes report. A node that loses its connection to the manager has its links all the
 * same: each of them counts until the other end withdraws it, or has been away as long as the grace.
 */
export class Links {
  readonly #options: LinksOptions & { graceMs: number };
  readonly #reports = new Map<PublicKey, Map<PublicKey, LinkReport>>();
  /** Nodes that are not connected, each with the timer of its grace, undefined when that is over. */
  readonly #away = new Map<PublicKey, NodeJS.Timeout | undefined>();

  constructor(options: LinksOptions) {
    this.#options = { ...options, graceMs: options.graceMs ?? 10_000 };
  }

  nodeConnected(node: PublicKey): void {
    clearTimeout(this.#away.get(node));
    this.#away.delete(node);
    this.#options.routing.addNode(node);
    if (!this.#reports.has(node)) this.#reports.set(node, new Map());
  }

  nodeDisconnected(node: PublicKey): void {
    clearTimeout(this.#away.get(node));
    const end = () => this.#endGrace(node);
    this.#away.set(node, setTimeout(end, this.#options.graceMs));
  }

  /** A node is known that has not been connected yet. */
  expect(node: PublicKey): void {
    if (this.#reports.has(node)) return;
    this.#options.routing.addNode(node);
    this.#reports.set(node, new Map());
    this.nodeDisconnected(node);
  }

  /** @param reports all links that a connected node has. @throws {RpcError} `invalidParams`; nothing changes then */
  report(node: PublicKey, reports: readonly LinkReport[]): void {
    for (const report of reports) check(node, report);
    const { routing, onMoves } = this.#options;
    const before = this.#reports.get(node) ?? new Map<PublicKey, LinkReport>();
    // Of a node that has never connected nothing is known; this comes again.
    const known = reports.filter(({ neighbour }) => this.#reports.has(neighbour));
    const now = new Map(known.map((report) => [report.neighbour, report]));
    this.#reports.set(node, now);
    const moves = known.flatMap((report) => routing.report(node, report.neighbour, report));
    for (const neighbour of before.keys())
      if (!now.has(neighbour)) moves.push(...this.#withdraw(node, neighbour));
    onMoves(moves);
  }

  /** Forgets nodes that may have no links any more, with all that was reported of theirs. */
  expel(admits: (node: PublicKey) => boolean): void {
    for (const node of [...this.#reports.keys()]) if (!admits(node)) this.#forget(node);
  }

  /** Nodes with links, or in their grace, that are not connected. */
  get away(): Iterable<PublicKey> {
    return this.#away.keys();
  }

  /** Those that count. */
  *all(): Iterable<MeasuredLink> {
    for (const [one, reports] of this.#reports)
      for (const [other, report] of reports) {
        const back = this.#reports.get(other)?.get(one);
        const weight = one < other ? this.#options.routing.linkWeight(one, other) : undefined;
        if (weight !== undefined && back !== undefined)
          yield { ends: [one, other], weight, reports: [report, back] };
      }
  }

  /** What nodes report, whether it counts or not. */
  *reported(): Iterable<readonly [PublicKey, LinkReport]> {
    for (const [node, reports] of this.#reports) for (const report of reports.values()) yield [node, report];
  }

  stop(): void {
    for (const timer of this.#away.values()) clearTimeout(timer);
  }

  #withdraw(node: PublicKey, neighbour: PublicKey): Move[] {
    const { routing } = this.#options;
    if (!this.#reports.has(neighbour)) return [];
    const moves = routing.withdraw(node, neighbour);
    this.#tidy(neighbour);
    return moves;
  }

  #endGrace(node: PublicKey): void {
    this.#away.set(node, undefined);
    const { routing, onMoves } = this.#options;
    const neighbours = routing.neighboursOf(node);
    const lost = neighbours.filter((each) => this.#away.has(each) && this.#away.get(each) === undefined);
    const moves = lost.flatMap((neighbour) => {
      this.#reports.get(node)?.delete(neighbour);
      return this.#withdraw(node, neighbour);
    });
    this.#tidy(node);
    onMoves(moves);
  }

  /** Forgets a node that is away and has no links any more. */
  #tidy(node: PublicKey): void {
    if (!this.#away.has(node) || this.#away.get(node) !== undefined) return;
    if (this.#options.routing.neighboursOf(node).length === 0) this.#forget(node);
  }

  #forget(node: PublicKey): void {
    const { routing, onMoves, onGone } = this.#options;
    clearTimeout(this.#away.get(node));
    this.#away.delete(node);
    this.#reports.delete(node);
    for (const reports of this.#reports.values()) reports.delete(node);
    onMoves(routing.removeNode(node));
    onGone(node);
  }
}

function check(node: PublicKey, report: LinkReport): void {
  const problem =
    problemWith(report) ??
    (report.neighbour === node ? 'itself as a neighbour' : undefined) ??
    (report.sent < 0 || report.forwarded < 0 ? 'less than no bytes' : undefined);
  if (problem !== undefined)
    throw new RpcError(
      errorCode.invalidParams,
      `node ${node} reports of its link to ${report.neighbour} ${problem}`,
    );
}
