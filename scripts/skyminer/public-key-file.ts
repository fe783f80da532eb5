import { open } from 'node:fs/promises';
import { KeyFileError, readIdentity } from '../../services/net/key-file.ts';
import { type PublicKey, parsePublicKey } from '../../services/net/keys.ts';

/** The digits of a public key, and a line end as any system writes it. */
const MAX_PUBLIC_BYTES = 66;

/**
 * The public key in a file that holds just that, or the secret key that belongs to it.
 *
 * @throws {KeyFileError} when it holds neither, or others can read the secret key
 */
export async function publicKeyIn(file: string): Promise<PublicKey> {
  const text = await beginning(file);
  if (/^[0-9a-f]{64}\s*$/i.test(text)) return parsePublicKey(text.trimEnd());
  const identity = await readIdentity(file);
  if (identity === undefined) throw new KeyFileError(`${file}: has gone again`);
  return identity.publicKey;
}

async function beginning(file: string): Promise<string> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_PUBLIC_BYTES + 1), 0);
  return buffer.toString('latin1', 0, bytesRead);
}
