import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Links } from '../../../services/manager/links.ts';
import type { Move } from '../../../services/manager/routing/circuit-keeper.ts';
import { Routing } from '../../../services/manager/routing/routing.ts';
import type { PublicKey } from '../../../services/net/keys.ts';
import { keyOf } from './routing/mesh.ts';

const graceMs = 10_000;
const [a, b, c] = [keyOf(0), keyOf(1), keyOf(2)] as const;
const to = (...neighbours: PublicKey[]) =>
  neighbours.map((neighbour) => ({ neighbour, rtt: 0.001, loss: 0, load: 0, sent: 0, forwarded: 0 }));

function line() {
  const routing = new Routing();
  const moves: Move[] = [];
  const gone: PublicKey[] = [];
  const links = new Links({
    ...{ routing, graceMs },
    onMoves: (each) => void moves.push(...each),
    onGone: (node) => void gone.push(node),
  });
  for (const node of [a, b, c]) links.nodeConnected(node);
  links.report(a, to(b));
  links.report(b, to(a, c));
  links.report(c, to(b));
  return { routing, links, moves, gone };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a link of a node that has lost the manager', () => {
  it('counts for as long as its other end reports it', () => {
    const { routing, links, gone } = line();
    links.nodeDisconnected(b);
    vi.advanceTimersByTime(100 * graceMs);
    links.report(a, to(b));
    expect(routing.pair(a, c)?.first.nodes).toEqual([a, b, c]);
    expect([...links.away]).toEqual([b]);
    expect(gone).toEqual([]);
  });

  it('is cut at once when its other end withdraws it; the node is gone with its last one', () => {
    const { routing, links, moves, gone } = line();
    routing.open('x', a, c);
    links.nodeDisconnected(b);
    links.report(a, []);
    expect(moves.at(-1)).toMatchObject({ circuit: 'x', after: undefined });
    expect(gone).toEqual([]);
    vi.advanceTimersByTime(graceMs);
    expect(gone).toEqual([]);
    links.report(c, []);
    expect(gone).toEqual([b]);
    expect([...links.away]).toEqual([]);
  });

  it('is gone after the grace when its other end is away as well', () => {
    const { routing, links, gone } = line();
    links.nodeDisconnected(a);
    vi.advanceTimersByTime(graceMs / 2);
    links.nodeDisconnected(b);
    vi.advanceTimersByTime(graceMs / 2);
    expect(routing.linkWeight(a, b)).toBeDefined();
    vi.advanceTimersByTime(graceMs / 2);
    expect(routing.linkWeight(a, b)).toBeUndefined();
    expect(routing.linkWeight(b, c)).toBeDefined();
    expect(gone).toEqual([a]);
  });

  it('stays when the node is back in time, and needs both ends again when it is back later', () => {
    const { routing, links } = line();
    links.nodeDisconnected(c);
    vi.advanceTimersByTime(graceMs - 1);
    links.nodeConnected(c);
    vi.advanceTimersByTime(graceMs);
    expect(routing.linkWeight(b, c)).toBeDefined();
    links.report(b, to(a));
    links.nodeDisconnected(c);
    vi.advanceTimersByTime(graceMs);
    links.nodeConnected(c);
    links.report(b, to(a, c));
    expect(routing.linkWeight(b, c)).toBeUndefined();
    links.report(c, to(b));
    expect(routing.linkWeight(b, c)).toBeDefined();
  });

  it('is neither lost nor kept by a wall clock that jumps', () => {
    const { routing, links } = line();
    links.nodeDisconnected(a);
    vi.setSystemTime(Date.now() + 365 * 86_400_000);
    links.nodeDisconnected(b);
    vi.advanceTimersByTime(graceMs - 1);
    expect(routing.linkWeight(a, b)).toBeDefined();
    vi.setSystemTime(0);
    vi.advanceTimersByTime(1);
    expect(routing.linkWeight(a, b)).toBeUndefined();
  });
});

describe('a node that is only expected', () => {
  it('can be the end of a circuit, and is forgotten when it does not come', () => {
    const { routing, links, gone } = line();
    links.expect(keyOf(9));
    expect(routing.open('x', a, keyOf(9))).toBeUndefined();
    vi.advanceTimersByTime(graceMs);
    expect(gone).toEqual([keyOf(9)]);
  });
});
