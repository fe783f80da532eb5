import {
  type Identity,
  isSignedBy,
  PUBLIC_KEY_BYTES,
  type PublicKey,
  publicKeyBytes,
  publicKeyOf,
  SIGNATURE_BYTES,
} from './keys.ts';

/** What a certificate may be used for: a link between neighbours, a connection to a manager, a circuit from end to end. */
export type CertificatePurpose = 'link' | 'control' | 'circuit';

/** Bytes: identity key 32, expiry 8 (seconds since 1970, the greatest byte first), signature 64. */
export const CERTIFICATE_BYTES = PUBLIC_KEY_BYTES + 8 + SIGNATURE_BYTES;

/** How long a certificate is good for, seconds: the same as for a session key, and as much again for clocks that differ. */
export const CERTIFICATE_SECONDS = 7200;

/** A certificate that does not prove what it should. */
export class InvalidCertificate extends Error {
  override readonly name = 'InvalidCertificate';
}

/**
 * Says that a Noise static key belongs to an identity, for one purpose and until a time.
 *
 * @param staticKey 32 bytes
 * @param now seconds since 1970
 */
export function issueCertificate(
  identity: Identity,
  purpose: CertificatePurpose,
  staticKey: Uint8Array,
  now = Date.now() / 1000,
): Buffer {
  const expiry = Buffer.alloc(8);
  expiry.writeBigUInt64BE(BigInt(Math.floor(now) + CERTIFICATE_SECONDS));
  const signature = identity.sign(purpose, Buffer.concat([staticKey, expiry]));
  return Buffer.concat([publicKeyBytes(identity.publicKey), expiry, signature]);
}

/**
 * @param staticKey the one that the other end has proved to hold
 * @param now seconds since 1970
 * @returns whose key it is
 * @throws {InvalidCertificate}
 */
export function checkCertificate(
  certificate: Uint8Array,
  purpose: CertificatePurpose,
  staticKey: Uint8Array,
  now = Date.now() / 1000,
): PublicKey {
  if (certificate.length !== CERTIFICATE_BYTES)
    throw new InvalidCertificate(`a certificate has ${CERTIFICATE_BYTES} bytes, not ${certificate.length}`);
  const bytes = Buffer.from(certificate);
  const key = publicKeyOf(bytes.subarray(0, PUBLIC_KEY_BYTES));
  const expiry = bytes.subarray(PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES + 8);
  const signature = bytes.subarray(PUBLIC_KEY_BYTES + 8);
  if (!isSignedBy(key, purpose, Buffer.concat([staticKey, expiry]), signature))
    throw new InvalidCertificate(`${key}: the signature is not that of this key, for a ${purpose}`);
  const late = now - Number(expiry.readBigUInt64BE());
  if (late > 0) {
    const since = late < 7200 ? `${Math.ceil(late / 60)} min` : `${Math.ceil(late / 3600)} h`;
    throw new InvalidCertificate(
      `${key}: its certificate expired ${since} ago; is a clock wrong, here or there?`,
    );
  }
  return key;
}
