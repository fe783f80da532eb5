import { z } from 'zod';
import { showMesh } from '../../services/mesh/show.ts';
import { parsePublicKey } from '../../services/net/keys.ts';
import { type LinkSeen, linkName, type MeshPicture } from './picture.ts';

const key = z.string().transform(parsePublicKey);

/** One end's report of a link, as `mesh.show links` lists them. */
const links = z.array(
  z.looseObject({ node: key, neighbour: key, rtt: z.number(), loss: z.number(), sent: z.number() }),
);
const circuits = z.array(z.looseObject({ from: key, to: key, paths: z.array(z.array(key)) }));

/**
 * Asks a node for the whole mesh.
 *
 * @param node HOST:PORT of its app port, or the path of its Unix socket
 * @throws {MeshError} when it cannot say
 */
export async function readPicture(node: string): Promise<MeshPicture> {
  const [reports, routes] = await Promise.all([showMesh(node, 'links'), showMesh(node, 'circuits')]);
  return { links: joined(links.parse(reports)), circuits: circuits.parse(routes) };
}

/** Two reports of the same link, of its two ends, make one link. */
function joined(reports: z.infer<typeof links>): LinkSeen[] {
  const seen = new Map<string, LinkSeen>();
  for (const { node, neighbour, rtt, loss, sent } of reports) {
    const name = linkName(node, neighbour);
    const other = seen.get(name);
    if (other === undefined) seen.set(name, { ends: [node, neighbour], rtt, loss, sent: [sent, 0] });
    else {
      seen.set(name, {
        ...other,
        ...{ rtt: Math.max(rtt, other.rtt), loss: Math.max(loss, other.loss), sent: [other.sent[0], sent] },
      });
    }
  }
  return [...seen.values()];
}
