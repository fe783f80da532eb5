import { formatBytes } from '../../services/viscript/commands/format.ts';
import type { ViewSize } from '../lib/live.ts';
import { type Style, styled } from '../mesh-view/canvas.ts';
import { drawMap, type Spot } from '../mesh-view/map.ts';
import type { MeshPicture } from '../mesh-view/picture.ts';
import type { Rate } from '../mesh-view/rates.ts';
import { linkTable, perSecond } from '../mesh-view/tables.ts';
import type { EmulatedRack, RackBoard } from './plan.ts';
import type { PlugState } from './plug.ts';

/** How far the transfer is. */
export interface Transfer {
  received: number;
  bytes: number;
  /** Bytes per second, now. */
  rate: number;
}

/** What is known now. */
export interface Moment {
  picture: MeshPicture;
  rates: ReadonlyMap<string, Rate>;
  /** Of each board. */
  states: readonly PlugState[];
  transfer: Transfer;
  /** Why nothing newer is known of the mesh; undefined when all is well. */
  problem: string | undefined;
}

const MAP_ROWS = { least: 7, most: 17 };
const BAR_COLUMNS = 40;
const SPOT_STATE = { off: 'down', starting: 'starting', on: 'up' } as const;

/** The whole screen: what to press, how far the transfer is, the map and the links. */
export function drawScreen(rack: EmulatedRack, moment: Moment, size: ViewSize): string[] {
  const { picture, rates, problem } = moment;
  const head = (text: string, style: Style = 'bold') => styled(text, style, size.color);
  const above = [
    `${head('Pull any plug')}   ${head(`1 to ${rack.boards.length} pulls a board's plug or puts it back, q ends it`, 'dim')}`,
    '',
    transferLine(moment.transfer),
  ];
  if (problem !== undefined) above.push(head(problem, 'yellow'));
  const [first = '', ...rest] = linkTable(picture, rates, namesIn(rack)).trimEnd().split('\n');
  const below = ['', head(first), ...rest];
  const room = size.rows - above.length - below.length - 1;
  const rows = Math.min(MAP_ROWS.most, Math.max(MAP_ROWS.least, room));
  const map = drawMap(spotsOf(rack, moment.states), picture, { columns: Math.min(size.columns, 100), rows });
  return [...above, '', ...map.lines(size.color), ...below];
}

/** One line, for an output that is no terminal. */
export function describeMoment(rack: EmulatedRack, { picture, states, transfer, problem }: Moment): string {
  const boards = rack.boards.map(({ name }, index) => `${name} ${states[index]}`).join(', ');
  const links = problem === undefined ? `${picture.links.length} links` : 'the manager does not answer';
  return `${transferLine(transfer)} · ${boards} · ${links}`;
}

function transferLine({ received, bytes, rate }: Transfer): string {
  const part = received / bytes;
  const bar = '█'.repeat(Math.floor(part * BAR_COLUMNS)).padEnd(BAR_COLUMNS, '░');
  return `${bar} ${Math.floor(part * 100)} % · ${formatBytes(received)} of ${formatBytes(bytes)} · ${perSecond(rate)}`;
}

function namesIn({ boards, client, server }: EmulatedRack): (key: string) => string {
  const names = new Map<string, string>([client, server, ...boards].map(({ key, name }) => [key, name]));
  return (key) => names.get(key) ?? key.slice(0, 8);
}

/** The nodes of this machine at the sides, the boards between them, not all in one line. */
function spotsOf({ boards, client, server }: EmulatedRack, states: readonly PlugState[]): Spot[] {
  const place = (index: number) => (boards.length === 1 ? 0.5 : index / (boards.length - 1));
  return [
    { key: client.key, label: 'download', x: 0, y: 0.5, state: 'up' },
    ...boards.map(
      (board, index): Spot => ({
        ...{ key: board.key, label: labelOf(board), x: index % 2 === 0 ? 0.45 : 0.6, y: place(index) },
        state: SPOT_STATE[states[index] ?? 'off'],
      }),
    ),
    { key: server.key, label: 'source', x: 1, y: 0.5, state: 'up' },
  ];
}

function labelOf({ number, name }: RackBoard): string {
  return number === 1 ? `${name} (manager)` : name;
}
