import { pause } from '../../services/signal/pause.ts';
import type { MeshPicture } from './picture.ts';
import { type Rate, Rates } from './rates.ts';
import { readPicture } from './read.ts';

/** The mesh at one moment, as far as it is known. */
export interface Seen {
  picture: MeshPicture;
  rates: ReadonlyMap<string, Rate>;
  /** Why nothing newer is known; undefined when all is well. */
  problem: string | undefined;
}

const refreshMs = 1_000;

/**
 * Asks a node for the mesh once a second; while it cannot say, there is what was known last.
 *
 * @param node HOST:PORT of its app port, or the path of its Unix socket
 */
export async function* followMesh(node: string, signal: AbortSignal): AsyncGenerator<Seen> {
  const rates = new Rates();
  let last: Omit<Seen, 'problem'> = { picture: { links: [], circuits: [] }, rates: new Map() };
  while (!signal.aborted) {
    const asked = await readPicture(node).catch((error: unknown) => String(error));
    const problem = typeof asked === 'string' ? asked : undefined;
    if (typeof asked !== 'string') last = { picture: asked, rates: rates.next(asked, performance.now()) };
    yield { ...last, problem };
    await pause(refreshMs, signal);
  }
}
