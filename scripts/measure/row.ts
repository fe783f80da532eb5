import { median, ratio } from './statistics.ts';

export type Unit = 'MB' | 'MB/s' | 'Mbit/s' | 'µs' | 'ms' | 's';

/** One figure beside those of its peers. Sizes are decimal: 1 MB is 1,000,000 bytes. */
export interface Row {
  group: string;
  what: string;
  unit: Unit;
  /** One value a round. */
  ours: readonly number[];
  /** For each peer its values of the same rounds. */
  peers: Readonly<Record<string, readonly number[]>>;
  must?: Bound;
  goal?: Bound;
}

/** A limit of our own median, or of the ratio to a peer where one is named. */
export interface Bound {
  limit: number;
  of?: string;
  /** The limit is a lower one. */
  atLeast?: boolean;
}

/** The rows as one Markdown table. */
export function markdownTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.group,
    row.what,
    quantity(median(row.ours), row.unit),
    Object.keys(row.peers)
      .map((name) => peerCell(row, name))
      .join('<br>') || '–',
    String(row.ours.length),
    verdict(row, row.must),
    verdict(row, row.goal),
  ]);
  const head = ['', 'What', 'Skyminer', 'Peers (ours ÷ theirs)', 'Rounds', 'Must', 'Goal'];
  return [head, head.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

export function isMet({ ours, peers }: Row, { limit, of, atLeast }: Bound): boolean {
  const value = of === undefined ? median(ours) : ratio(ours, peers[of] ?? []);
  return atLeast ? value >= limit : value <= limit;
}

function peerCell(row: Row, name: string): string {
  const values = row.peers[name] ?? [];
  return `${name} ${quantity(median(values), row.unit)} (${ratio(row.ours, values).toFixed(2)} ×)`;
}

function verdict(row: Row, bound: Bound | undefined): string {
  if (bound === undefined) return '–';
  const { limit, of, atLeast } = bound;
  const sign = atLeast ? '≥' : '≤';
  const text = of === undefined ? `${sign} ${limit} ${row.unit}` : `${sign} ${limit} × ${of}`;
  return `${text} ${isMet(row, bound) ? '✓' : '✗'}`;
}

/** Three digits tell as much as there is to tell on a shared machine. */
function quantity(value: number, unit: Unit): string {
  const digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}
