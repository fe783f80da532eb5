import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { full, line, type Plan, ring } from '../../scripts/lib/lab-mesh/plans.ts';
import { MeshApp } from '../../services/mesh/app.ts';
import { ownMesh } from './testing.ts';

/** An app at each node that answers with its name. */
async function startApps(mesh: Mesh): Promise<Map<string, MeshApp>> {
  const apps = mesh.plan.nodes.map(async (name) => {
    const { socket } = mesh.node(name);
    const onStream = (stream: NodeJS.WritableStream) => void stream.end(`this is ${name}`);
    return [
      name,
      await MeshApp.start({ node: socket, name: `app-${name}`, type: 'greeter', onStream }),
    ] as const;
  });
  return new Map(await Promise.all(apps));
}

/** Every node's app speaks with every other one's. @returns what they heard */
async function greetAll(mesh: Mesh): Promise<string[]> {
  const apps = await startApps(mesh);
  try {
    const pairs = pairsOf(mesh.plan.nodes);
    return await Promise.all(
      pairs.map(async ([from, to]) => {
        const stream = await apps.get(from)?.connect({ node: mesh.node(to).key, app: `app-${to}` });
        if (stream === undefined) throw new Error(`no app at ${from}`);
        stream.end();
        return `${from} hears: ${await text(stream)}`;
      }),
    );
  } finally {
    await Promise.all(Array.from(apps.values(), (app) => app.close()));
  }
}

function pairsOf(names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));
}

/** The nodes between the ends, of all paths of each circuit. */
async function relaysOf(mesh: Mesh): Promise<string[][]> {
  const relays = new Map<string, string[]>();
  for (const { circuit, names } of await mesh.show('routes'))
    relays.set(circuit, [...(relays.get(circuit) ?? []), ...names.slice(1, -1)]);
  return [...relays.values()];
}

const shapes: [string, Plan][] = [
  ['a line', line(4)],
  ['a ring', ring(5)],
  ['a full mesh of five', full(5)],
];

it.for(shapes)('every node reaches every other one in %s', async ([, plan], context) => {
  await using mesh = await ownMesh(context, plan);
  expect(await greetAll(mesh)).toEqual(
    pairsOf(plan.nodes).map(([from, to]) => `${from} hears: this is ${to}`),
  );
});

it('gives every circuit of a ring two routes that share no node', async (context) => {
  const plan = ring(5);
  await using mesh = await ownMesh(context, plan);
  await greetAll(mesh);
  const relays = await relaysOf(mesh);
  expect(relays.length).toBeGreaterThanOrEqual(10);
  // Both ways round: all nodes but the two ends, each once.
  for (const each of relays) expect(each.length).toBe(plan.nodes.length - 2);
  for (const each of relays) expect(new Set(each).size).toBe(each.length);
  const kinds = (await mesh.show('routes')).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(['node-disjoint']));
});
