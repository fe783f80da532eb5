import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { DH_BYTES, type DhKeyPair, dh, dhKeyPair, WeakKey } from '../../services/net/noise/x25519.ts';
import { BackupError } from './error.ts';

/** Stands in what the key is made of, so that it is no key for anything else. */
const PURPOSE = 'skyminer/backup-box/v1';
const CIPHER = 'chacha20-poly1305';
const KEY_BYTES = 32;
const TAG_BYTES = 16;
/** Each box has a key of its own, so one nonce does for all. */
const NONCE = Buffer.alloc(12);

/**
 * Seals something so that only who has the secret half of `to` can read it, as whoever sealed it cannot: X25519 with a key
 * pair that is thrown away, HKDF (RFC 5869, SHA-256, both public keys as salt), ChaCha20-Poly1305 (RFC 8439).
 *
 * @param to an X25519 public key
 * @returns the public key that was thrown away (32 bytes), the sealed bytes, the tag (16)
 * @throws {BackupError} when `to` is no key
 */
export function seal(content: Uint8Array, to: Uint8Array): Buffer {
  const ephemeral = dhKeyPair();
  const cipher = createCipheriv(CIPHER, keyOf(ephemeral, to, ephemeral.publicKey, to), NONCE, {
    authTagLength: TAG_BYTES,
  });
  const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
  return Buffer.concat([ephemeral.publicKey, sealed, cipher.getAuthTag()]);
}

/** @throws {BackupError} when it was sealed to another key, or altered, which looks the same */
export function open(box: Uint8Array, by: DhKeyPair): Buffer {
  if (box.length < DH_BYTES + TAG_BYTES) throw new BackupError('the sealed part of this backup is cut off');
  const bytes = Buffer.from(box);
  const ephemeral = bytes.subarray(0, DH_BYTES);
  const decipher = createDecipheriv(CIPHER, keyOf(by, ephemeral, ephemeral, by.publicKey), NONCE, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(DH_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new BackupError(
      'the secrets of this backup are sealed to another key than this rack’s, or altered',
      {
        cause,
      },
    );
  }
}

function keyOf(own: DhKeyPair, other: Uint8Array, ephemeral: Uint8Array, to: Uint8Array): Uint8Array {
  try {
    const salt = Buffer.concat([ephemeral, to]);
    return new Uint8Array(hkdfSync('sha256', dh(own, other), salt, PURPOSE, KEY_BYTES));
  } catch (cause) {
    if (!(cause instanceof WeakKey)) throw cause;
    throw new BackupError('no secret can be sealed to this key, or opened that names it', { cause });
  }
}
