import type { Shown } from '../../net/control/messages.ts';
import { type Fields, integer, number, shape, text, texts } from '../../signal/shape.ts';
import { formatUptime } from '../control/greeting.ts';
import { formatBytes, formatMilliseconds, printable, table } from './format.ts';

/** What the manager says of the mesh (`services/net/control/shown.ts`) as a table for people. @throws {ShapeError} */
export function meshTable(what: Shown, rows: readonly unknown[]): string {
  if (rows.length === 0) return `there are no ${what}\n`;
  const { head, cells } = tables[what];
  const row = shape(cells);
  return table(
    head,
    rows.map((each) => row.parse(each).map(printable)),
  );
}

interface Table {
  head: readonly string[];
  cells(fields: Fields): string[];
}

const tables: Record<Shown, Table> = {
  nodes: {
    head: ['NODE', 'KEY', 'LINKS', 'CONNECTED', 'VERSION', 'ADDRESSES'],
    cells: (fields) => [
      ...[text(fields, 'name'), short(text(fields, 'key')), String(integer(fields, 'links', 0))],
      ...[
        fields.since === null ? 'no' : since(fields),
        fields.version === null ? '-' : text(fields, 'version'),
      ],
      texts(fields, 'addresses').join(' ') || 'behind a router',
    ],
  },
  links: {
    head: ['LINK', 'ROUND TRIP', 'LOSS', 'LOAD', 'SENT THERE', 'AND BACK'],
    cells: (fields) => [
      ...[texts(fields, 'names').join(' - '), formatMilliseconds(number(fields, 'rtt') * 1000)],
      ...[percent(number(fields, 'loss')), percent(number(fields, 'load'))],
      ...pairOf(fields, 'sent').map(formatBytes),
    ],
  },
  routes: {
    head: ['CIRCUIT', 'PATH', 'STATE', 'WEIGHT', 'KIND', 'BY WAY OF'],
    cells: (fields) => [
      ...[short(text(fields, 'circuit')), String(integer(fields, 'path', 0))],
      fields.inUse === true ? 'in use' : 'warm',
      fields.weight === null ? 'cut' : formatMilliseconds(number(fields, 'weight') / 1000),
      fields.kind === null ? '-' : text(fields, 'kind'),
      texts(fields, 'names').join(' - '),
    ],
  },
  circuits: {
    head: ['CIRCUIT', 'FROM', 'TO', 'PATHS', 'KNOWN FOR', 'STATE'],
    cells: (fields) => [
      ...[short(text(fields, 'circuit')), text(fields, 'from'), text(fields, 'to')],
      ...[String(integer(fields, 'paths', 0)), since(fields), text(fields, 'state')],
    ],
  },
  apps: {
    head: ['APP', 'TYPE', 'NODE', 'KEY'],
    cells: (fields) => [
      ...[text(fields, 'name'), text(fields, 'type'), text(fields, 'node'), short(text(fields, 'key'))],
    ],
  },
};

/** Enough of a key, or of a circuit's id, to tell it from others. */
function short(id: string): string {
  return id.slice(0, 8);
}

function since(fields: Fields): string {
  const seconds = (Date.now() - Date.parse(text(fields, 'since'))) / 1000;
  return formatUptime(Math.max(0, seconds));
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part > 0 && part < 0.1 ? 1 : 0)} %`;
}

function pairOf(fields: Fields, field: string): [number, number] {
  const pair = shape((both) => [number(both, '0'), number(both, '1')] as [number, number]);
  return pair.parse({ ...(Array.isArray(fields[field]) ? fields[field] : []) });
}
