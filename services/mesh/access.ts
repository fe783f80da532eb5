import { parsePublicKey } from '../net/keys.ts';
import { type Access, MeshError } from './types.ts';

/** Reads `rack`, `mesh`, or keys with commas between them. @throws {MeshError} `invalid` */
export function parseAccess(text: string): Access {
  if (text === 'rack' || text === 'mesh') return text;
  try {
    return text.split(',').map((key) => parsePublicKey(key.trim()));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError('invalid', `access: ${why}; give rack, mesh, or keys with commas between them`, {
      cause,
    });
  }
}
