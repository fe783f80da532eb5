import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run of a handshake and of the session after it, all bytes in hexadecimal (the format of cacophony). */
export interface Vector {
  name: string;
  init_prologue: string;
  init_static: string;
  init_ephemeral: string;
  resp_prologue: string;
  resp_static: string;
  resp_ephemeral: string;
  handshake_hash: string;
  messages: { payload: string; ciphertext: string }[];
}

/** The vectors of one file. Publishers call the same field `protocol_name` or `name`. */
export function readVectors(file: string): Vector[] {
  const { vectors }: { vectors: (Vector & { protocol_name?: string })[] } = JSON.parse(
    readFileSync(file, 'utf8'),
  );
  return vectors.map((vector) => ({ ...vector, name: vector.protocol_name ?? vector.name }));
}

/** Published vectors: JSON files as cacophony and noise-c have them, in a folder that this variable names. */
export const PUBLISHED = process.env.NOISE_VECTORS;

export function publishedVectors(): [string, Vector][] {
  if (PUBLISHED === undefined) return [];
  const files = readdirSync(PUBLISHED).filter((name) => name.endsWith('.json'));
  return files.flatMap((file) =>
    readVectors(join(PUBLISHED, file)).map((each): [string, Vector] => [`${file}: ${each.name}`, each]),
  );
}

/** Made by this implementation after it had passed the published ones. */
export const OURS = join(import.meta.dirname, 'vectors.json');
