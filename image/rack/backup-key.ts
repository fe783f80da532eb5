import { hkdfSync } from 'node:crypto';
import type { Identity } from '../../services/net/keys.ts';
import { DH_BYTES, type DhKeyPair, dhKeyPair } from '../../services/net/noise/x25519.ts';

/** Stands in what the key is made of, so that it is no key for anything else. */
const PURPOSE = 'skyminer/backup/v1';

/**
 * The X25519 pair that backups of boards are sealed to: from the rack's secret seed by HKDF (RFC 5869, SHA-256, no salt).
 * So who has the rack's key and its passphrase can open every backup, and boards need the public half alone.
 */
export function backupKeyPair(rack: Identity): DhKeyPair {
  const seed = rack.secretKey.subarray(0, DH_BYTES);
  return dhKeyPair(new Uint8Array(hkdfSync('sha256', seed, Buffer.alloc(0), PURPOSE, DH_BYTES)));
}

/** The public half as it is written: 64 hex digits. */
export function backupKeyText(rack: Identity): string {
  return backupKeyPair(rack).publicKey.toString('hex');
}
