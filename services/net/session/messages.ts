import { CERTIFICATE_BYTES, type CertificatePurpose, checkCertificate } from '../certificate.ts';
import type { PublicKey } from '../keys.ts';
import { TAG_BYTES } from '../noise/suite.ts';
import { DH_BYTES } from '../noise/x25519.ts';

/** The other end is not whom this session is for, or does not speak as it should. The session does not come about. */
export class SessionRefused extends Error {
  override readonly name = 'SessionRefused';
}

/** Bytes that the user of a session may add to message 2 or 3. */
export const MAX_PAYLOAD_BYTES = 1024;

const MAGIC = Buffer.from('skywire1');
/** Magic, purpose and suites: message 1 up to the Noise message in it. */
export const HEAD_BYTES = MAGIC.length + 2;
export const FIRST_BYTES = HEAD_BYTES + DH_BYTES;

/** The longest of the three messages, the second: suite, two keys and a payload, two of these sealed. */
export const MAX_SESSION_MESSAGE_BYTES =
  1 + DH_BYTES + (DH_BYTES + TAG_BYTES) + (CERTIFICATE_BYTES + MAX_PAYLOAD_BYTES + TAG_BYTES);

const PURPOSES: readonly CertificatePurpose[] = ['link', 'control', 'circuit'];

/** What stands before the Noise message in message 1. */
export function encodeHead(purpose: CertificatePurpose, suites: number): Buffer {
  return Buffer.concat([MAGIC, Buffer.of(PURPOSES.indexOf(purpose) + 1, suites)]);
}

/** @returns the suites that the initiator takes. @throws {SessionRefused} */
export function readHead(first: Buffer, purpose: CertificatePurpose): number {
  if (first.length !== FIRST_BYTES || !first.subarray(0, MAGIC.length).equals(MAGIC))
    throw new SessionRefused('the other end does not begin a session: is another service at this address?');
  const named = PURPOSES[first.readUInt8(MAGIC.length) - 1];
  if (named !== purpose)
    throw new SessionRefused(`the other end asks for ${named ?? 'something unknown'}, here is ${purpose}`);
  return first.readUInt8(MAGIC.length + 1);
}

export interface CredentialCheck {
  purpose: CertificatePurpose;
  accept(key: PublicKey): boolean;
  /** Seconds since 1970. */
  now: number;
}

/**
 * Reads what message 2 or 3 carries.
 *
 * @param staticKey the one that the other end has proved to hold
 * @throws {SessionRefused | InvalidCertificate}
 */
export function readCredentials(
  content: Buffer,
  staticKey: Buffer | undefined,
  { purpose, accept, now }: CredentialCheck,
): { remote: PublicKey; payload: Buffer } {
  if (staticKey === undefined || content.length > CERTIFICATE_BYTES + MAX_PAYLOAD_BYTES)
    throw new SessionRefused(`the other end sends ${content.length} bytes with its certificate`);
  const remote = checkCertificate(content.subarray(0, CERTIFICATE_BYTES), purpose, staticKey, now);
  if (!accept(remote)) throw new SessionRefused(`${remote} is not admitted here for a ${purpose}`);
  return { remote, payload: content.subarray(CERTIFICATE_BYTES) };
}
