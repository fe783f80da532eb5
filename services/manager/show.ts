import type { Shown } from '../net/control/messages.ts';
import type {
  ShownApp,
  ShownCircuit,
  ShownLink,
  ShownNode,
  ShownOf,
  ShownRoute,
} from '../net/control/shown.ts';
import type { PublicKey } from '../net/keys.ts';
import type { Directory } from './apps/directory.ts';
import type { Circuits } from './circuits/circuits.ts';
import type { Links } from './links.ts';
import type { Nodes } from './nodes.ts';
import type { Routing } from './routing/routing.ts';

/** The parts of a manager that there is something to see of. */
export interface Mesh {
  routing: Routing;
  nodes: Nodes;
  links: Links;
  circuits: Circuits;
  directory: Directory;
}

/** @returns what people and programs see of the mesh */
export function show<What extends Shown>(mesh: Mesh, what: What): ShownOf[What][] {
  return tables[what](mesh);
}

const tables: { [What in Shown]: (mesh: Mesh) => ShownOf[What][] } = {
  nodes: ({ nodes, links, routing }) => {
    const connected = Array.from(
      nodes.all,
      ({ key, name, addresses, version, connection }): ShownNode => ({
        ...{ name, key, addresses, since: timeOf(connection.since), version },
        links: routing.neighboursOf(key).length,
      }),
    );
    const away = Array.from(
      links.away,
      (key): ShownNode => ({
        ...{ name: nodes.nameOf(key), key, addresses: [], since: null, version: null },
        links: routing.neighboursOf(key).length,
      }),
    );
    return [...connected, ...away].sort((a, b) => compare(a.name, b.name));
  },

  links: ({ links, nodes }) =>
    Array.from(links.all(), ({ ends: [one, other], weight, reports: [there, back] }): ShownLink => {
      const worse = (field: 'rtt' | 'loss' | 'load') => Math.max(there[field], back[field]);
      return {
        ...{ names: [nodes.nameOf(one), nodes.nameOf(other)], keys: [one, other], weight },
        ...{ rtt: worse('rtt'), loss: worse('loss'), load: worse('load') },
        ...{ sent: [there.sent, back.sent], forwarded: [there.forwarded, back.forwarded] },
      };
    }).sort((a, b) => compare(a.names.join(' '), b.names.join(' '))),

  routes: ({ circuits, nodes, routing }) =>
    Array.from(circuits.all, (circuit): ShownRoute[] => {
      const kind = routing.routeOf(circuit.id)?.kind ?? null;
      return circuits.pathsOf(circuit).map(({ number, nodes: keys }) => ({
        ...{ circuit: circuit.id, path: number, names: keys.map((key) => nodes.nameOf(key)), keys },
        ...{ weight: weightOf(routing, keys), inUse: number === circuit.inUse, kind },
      }));
    }).flat(),

  circuits: ({ circuits, nodes }) =>
    Array.from(
      circuits.all,
      (circuit): ShownCircuit => ({
        ...{ circuit: circuit.id, from: nodes.nameOf(circuit.from), to: nodes.nameOf(circuit.to) },
        ...{ fromKey: circuit.from, toKey: circuit.to, paths: circuits.pathsOf(circuit).length },
        ...{ since: timeOf(circuit.since), state: circuit.outcome },
      }),
    ),

  apps: ({ directory, nodes }) =>
    directory.all.map(
      ({ name, type, node }): ShownApp => ({ name, type, node: nodes.nameOf(node), key: node }),
    ),
};

function weightOf(routing: Routing, nodes: readonly PublicKey[]): number | null {
  const weights = nodes.slice(1).map((node, place) => routing.linkWeight(nodes[place] as PublicKey, node));
  return weights.reduce<number | null>(
    (sum, weight) => (sum === null || weight === undefined ? null : sum + weight),
    0,
  );
}

/** @param moment milliseconds of the monotonic clock: when the wall clock is set, what has passed stays as long as it was */
function timeOf(moment: number): string {
  return new Date(Date.now() - (performance.now() - moment)).toISOString();
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
