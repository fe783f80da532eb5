import type { PublicKey } from '../../services/net/keys.ts';
import { Canvas, type Style } from './canvas.ts';
import { linkName, type MeshPicture } from './picture.ts';

/** A node where it is drawn. */
export interface Spot {
  key: PublicKey;
  /** At most a dozen characters. */
  label: string;
  /** From the left and from the top, 0 to 1. */
  x: number;
  y: number;
  state: 'up' | 'down' | 'starting';
}

export interface MapSize {
  columns: number;
  rows: number;
}

/** How a link is drawn: in the path in use, in a warm one, or idle. */
const LINK_STYLE: Record<Use, Style> = { used: 'green', warm: 'yellow', idle: 'dim' };
type Use = 'used' | 'warm' | 'idle';

/** Draws nodes and links; links of the paths in use stand out, those of warm ones are dashed. */
export function drawMap(spots: readonly Spot[], picture: MeshPicture, { columns, rows }: MapSize): Canvas {
  const canvas = new Canvas(columns, rows);
  const uses = usesOf(picture);
  const places = new Map(spots.map((spot) => [spot.key, placeOf(spot, canvas)]));
  for (const { ends } of picture.links) {
    const [from, to] = ends.map((key) => places.get(key));
    const use = uses.get(linkName(...ends)) ?? 'idle';
    if (from !== undefined && to !== undefined) canvas.line(from, to, LINK_STYLE[use], use !== 'used');
  }
  for (const spot of spots) drawNode(canvas, spot, places.get(spot.key) ?? [0, 0]);
  return canvas;
}

/** Nodes in two rows between the first, at the left, and the last, at the right: neighbours are near each other. */
export function inLadder<T>(nodes: readonly T[]): { node: T; x: number; y: number }[] {
  const columns = Math.ceil((nodes.length - 2) / 2) + 1;
  return nodes.map((node, index) => {
    if (index === 0) return { node, x: 0, y: 0.5 };
    if (index === nodes.length - 1) return { node, x: 1, y: 0.5 };
    const lower = index % 2 === 0;
    return { node, x: (Math.ceil(index / 2) - (lower ? 0 : 0.15)) / columns, y: lower ? 1 : 0 };
  });
}

function usesOf({ circuits }: MeshPicture): Map<string, Use> {
  const uses = new Map<string, Use>();
  for (const { paths } of circuits) {
    for (const [rank, path] of paths.entries()) {
      for (const [at, node] of path.slice(1).entries()) {
        const name = linkName(path[at] ?? node, node);
        if (rank === 0 || uses.get(name) !== 'used') uses.set(name, rank === 0 ? 'used' : 'warm');
      }
    }
  }
  return uses;
}

/** Whole cells, with room for the label at each side. */
function placeOf({ x, y, label }: Spot, { columns, rows }: Canvas): readonly [number, number] {
  const margin = Math.ceil(label.length / 2) + 1;
  return [Math.round(margin + x * (columns - 1 - 2 * margin)), Math.round(y * (rows - 1))];
}

const NODE_STYLE: Record<Spot['state'], Style> = { up: 'bold', starting: 'yellow', down: 'red' };
const NODE_MARK: Record<Spot['state'], string> = { up: '●', starting: '◌', down: '✗' };

function drawNode(canvas: Canvas, { label, state }: Spot, [column, row]: readonly [number, number]): void {
  const words = ` ${NODE_MARK[state]} ${label} `;
  canvas.text(column - (words.length >> 1), row, words, NODE_STYLE[state]);
}
