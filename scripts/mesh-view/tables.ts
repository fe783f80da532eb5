import type { PublicKey } from '../../services/net/keys.ts';
import { formatBytes, formatMilliseconds, table } from '../../services/viscript/commands/format.ts';
import { type LinkSeen, linkName, type MeshPicture } from './picture.ts';
import type { Rate } from './rates.ts';

/** What a node is called; the beginning of its key when nobody has named it. */
export type NameOf = (key: PublicKey) => string;

/** Links with round trip, loss, and what they carry in each direction now. */
export function linkTable({ links }: MeshPicture, rates: ReadonlyMap<string, Rate>, nameOf: NameOf): string {
  const rows = links
    .map((link) => inOrder(link, rates.get(linkName(...link.ends)) ?? [0, 0], nameOf))
    .map(
      ({
        link: {
          ends: [one, other],
          rtt,
          loss,
          sent,
        },
        rate,
      }) => {
        return [
          `${nameOf(one)} – ${nameOf(other)}`,
          formatMilliseconds(rtt * 1000),
          `${(loss * 100).toFixed(loss > 0 && loss < 0.1 ? 1 : 0)} %`,
          perSecond(rate[0]),
          perSecond(rate[1]),
          formatBytes(sent[0] + sent[1]),
        ];
      },
    )
    .sort(([one = ''], [other = '']) => compare(one, other));
  return table(['LINK', 'ROUND TRIP', 'LOSS', '→', '←', 'TOTAL'], rows);
}

/** The end first whose name comes first, whichever the manager names first. */
function inOrder(link: LinkSeen, rate: Rate, nameOf: NameOf): { link: LinkSeen; rate: Rate } {
  const [one, other] = link.ends;
  if (compare(nameOf(one), nameOf(other)) <= 0) return { link, rate };
  const { sent } = link;
  return { link: { ...link, ends: [other, one], sent: [sent[1], sent[0]] }, rate: [rate[1], rate[0]] };
}

function compare(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

/** Circuits with the nodes of their paths. */
export function routeTable({ circuits }: MeshPicture, nameOf: NameOf): string {
  const rows = circuits.flatMap(({ from, to, paths }) =>
    paths.map((path, rank) => [
      rank === 0 ? `${nameOf(from)} – ${nameOf(to)}` : '',
      rank === 0 ? 'in use' : 'warm',
      path.map(nameOf).join(' · '),
    ]),
  );
  return table(['CIRCUIT', 'PATH', 'BY WAY OF'], rows);
}

export function perSecond(bytes: number): string {
  return bytes < 1 ? '–' : `${formatBytes(Math.round(bytes))}/s`;
}
