import { z } from 'zod';
import { showMesh } from '../../services/mesh/show.ts';
import { parsePublicKey } from '../../services/net/keys.ts';
import type { CircuitSeen, MeshPicture } from './picture.ts';

const key = z.string().transform(parsePublicKey);
const bytes = z.number().min(0);

/** Of `services/net/control/shown.ts` what is drawn. */
const links = z.array(
  z.object({
    keys: z.tuple([key, key]),
    rtt: z.number().min(0),
    loss: z.number().min(0).max(1),
    sent: z.tuple([bytes, bytes]),
  }),
);
const routes = z.array(z.object({ circuit: z.string(), keys: z.array(key).min(2), inUse: z.boolean() }));

/**
 * Asks a node for the whole mesh.
 *
 * @param node HOST:PORT of its app port, or the path of its Unix socket
 * @throws {MeshError} when it cannot say
 */
export async function readPicture(node: string): Promise<MeshPicture> {
  const [shownLinks, shownRoutes] = await Promise.all([showMesh(node, 'links'), showMesh(node, 'routes')]);
  return {
    links: links.parse(shownLinks).map(({ keys, rtt, loss, sent }) => ({ ends: keys, rtt, loss, sent })),
    circuits: byCircuit(routes.parse(shownRoutes)),
  };
}

/** The paths of each circuit together, the one in use first. */
function byCircuit(shown: z.infer<typeof routes>): CircuitSeen[] {
  const paths = Map.groupBy(shown, ({ circuit }) => circuit);
  return [...paths.values()].flatMap((all) => {
    const sorted = all.toSorted((one, other) => Number(other.inUse) - Number(one.inUse));
    const [first] = sorted;
    const from = first?.keys[0];
    const to = first?.keys.at(-1);
    return from && to ? [{ from, to, paths: sorted.map(({ keys }) => keys) }] : [];
  });
}
