import { stripVTControlCharacters } from 'node:util';
import type { ViewSize } from '../lib/live.ts';
import { type Style, styled } from '../mesh-view/canvas.ts';
import { drawMap, inLadder, type Spot } from '../mesh-view/map.ts';
import type { MeshPicture } from '../mesh-view/picture.ts';
import type { Rate } from '../mesh-view/rates.ts';
import { linkTable, perSecond, routeTable } from '../mesh-view/tables.ts';
import type { LocalMesh } from './plan.ts';

/** What is known of the mesh now. */
export interface Moment {
  picture: MeshPicture;
  rates: ReadonlyMap<string, Rate>;
  /** What the person can try, a line each. */
  advice: readonly string[];
  /** Why nothing newer is known; undefined when all is well. */
  problem: string | undefined;
}

/** Least and most lines of the map. */
const MAP_ROWS = { least: 5, most: 13 };

/** The whole screen: what to try, the map, the links and the routes. */
export function drawScreen(mesh: LocalMesh, moment: Moment, size: ViewSize): string[] {
  const { picture, rates, advice, problem } = moment;
  const nameOf = namesIn(mesh);
  const head = (text: string, style: Style = 'bold') => styled(text, style, size.color);
  const title = `Skyminer: a mesh of ${mesh.nodes.length} nodes on this machine`;
  const below = [
    '',
    ...heading(linkTable(picture, rates, nameOf), head),
    ...(picture.circuits.length === 0 ? [] : ['', ...heading(routeTable(picture, nameOf), head)]),
  ];
  const above = [`${head(title)}   ${head('q ends it', 'dim')}`, ...advice.map((line) => `  ${line}`)];
  if (problem !== undefined) above.push(head(problem, 'red'));
  const room = size.rows - above.length - below.length - 2;
  const rows = Math.min(MAP_ROWS.most, Math.max(MAP_ROWS.least, room));
  const map = drawMap(spotsOf(mesh, picture), picture, { columns: Math.min(size.columns, 100), rows });
  return [...above, '', ...map.lines(size.color), ...below];
}

/** One line about the mesh, for an output that is no terminal. */
export function describeMoment(mesh: LocalMesh, { picture, rates, problem }: Moment): string {
  if (problem !== undefined) return stripVTControlCharacters(problem);
  const nameOf = namesIn(mesh);
  const total = [...rates.values()].reduce((sum, [one, other]) => sum + one + other, 0);
  const routes = picture.circuits.map(({ paths }) =>
    paths.map((path) => path.map(nameOf).join('-')).join(' or '),
  );
  return `${picture.links.length} links · ${perSecond(total)} on all of them · ${routes.join(' · ') || 'no circuit'}`;
}

function namesIn({ nodes }: LocalMesh): (key: string) => string {
  const names = new Map<string, string>(nodes.map(({ key, name }) => [key, name]));
  return (key) => names.get(key) ?? key.slice(0, 8);
}

function spotsOf({ nodes }: LocalMesh, { links }: MeshPicture): Spot[] {
  const linked = new Set(links.flatMap(({ ends }) => ends));
  return inLadder(nodes).map(({ node: { key, name }, x, y }) => ({
    ...{ key, label: name, x, y },
    state: linked.has(key) ? 'up' : 'starting',
  }));
}

function heading(text: string, head: (line: string) => string): string[] {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  return [head(first), ...rest];
}
