import { wordOf } from '../net/control/messages.ts';
import { parsePublicKey } from '../net/keys.ts';
import { MeshError, type Target } from './types.ts';

/**
 * Reads `KEY/APP`, an app at the node with this key, or `NAME`, the app of this name wherever it is.
 * @throws {MeshError} `invalid`
 */
export function parseTarget(text: string): Target {
  const slash = text.indexOf('/');
  try {
    if (slash === -1) return { app: wordOf({ name: text }, 'name') };
    return { node: parsePublicKey(text.slice(0, slash)), app: wordOf({ app: text.slice(slash + 1) }, 'app') };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError(
      'invalid',
      `'${text.slice(0, 140)}' is no app of the mesh: ${why}; give KEY/APP or NAME`,
      {
        cause,
      },
    );
  }
}

/** The reverse of {@link parseTarget}. */
export function formatTarget(target: Target): string {
  return 'node' in target ? `${target.node}/${target.app}` : target.app;
}
