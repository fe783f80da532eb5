import { randomBytes } from 'node:crypto';
import { Identity, InvalidKey, type PublicKey, publicKeyBytes, SECRET_KEY_BYTES } from '../keys.ts';
import { InvalidSshKey } from './public-key.ts';

/** An SSH host key, Ed25519. */
export interface HostKey {
  /** The file as `ssh-keygen -t ed25519 -N ''` writes it: OpenSSH's PROTOCOL.key, without a cipher. */
  secret: string;
  /** `ssh-ed25519 BASE64`, without a comment. */
  publicLine: string;
}

const TYPE = 'ssh-ed25519';
const LABEL = 'OPENSSH PRIVATE KEY';
/** What a file without a cipher, and with one key, begins with. */
const HEAD = Buffer.concat([
  Buffer.from('openssh-key-v1\0'),
  ...[field('none'), field('none'), field('')],
  number(1),
]);
/** A public key: two fields, of the type and of 32 bytes. */
const PUBLIC_BYTES = 4 + TYPE.length + 4 + 32;
/** From the beginning to the secret key: the length and the public key, the length of the rest, two numbers, the key again. */
const SECRET_AT = HEAD.length + 4 + PUBLIC_BYTES + 4 + 8 + PUBLIC_BYTES + 4;
/** Padding goes up to a multiple of this where there is no cipher. */
const BLOCK = 8;
/** Characters of base64 in a line. */
const LINE = 70;
/** A file has about 400 characters, and those of its comment. */
const MAX_TEXT = 2048;
const LAYOUT = new RegExp(`^-----BEGIN ${LABEL}-----\n([A-Za-z0-9+/=\n]+)-----END ${LABEL}-----\n$`);

/** @param comment for people, shown by ssh-keygen: printable ASCII */
export function newHostKey(comment: string): HostKey {
  const key = Identity.generate();
  const publicBlob = blobOf(key.publicKey);
  // Whoever decrypts a key sees by two equal numbers whether the passphrase was right.
  const check = randomBytes(4);
  const inner = Buffer.concat([check, check, publicBlob, field(key.secretKey), field(comment)]);
  const padding = Array.from({ length: -inner.length & (BLOCK - 1) }, (_, index) => index + 1);
  const rest = Buffer.concat([inner, Buffer.from(padding)]);
  const text = Buffer.concat([HEAD, field(publicBlob), field(rest)]).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return {
    secret: [`-----BEGIN ${LABEL}-----`, ...lines, `-----END ${LABEL}-----`, ''].join('\n'),
    publicLine: lineOf(publicBlob),
  };
}

/**
 * The public half of a key that {@link newHostKey} made: `ssh-ed25519 BASE64`.
 *
 * @throws {InvalidSshKey} when the text is something else
 */
export function publicLineOf(secret: string): string {
  const base64 = LAYOUT.exec(secret.length <= MAX_TEXT ? secret : '')?.[1] ?? '';
  const bytes = Buffer.from(base64.replaceAll('\n', ''), 'base64');
  const publicBlob = bytes.subarray(HEAD.length + 4).subarray(0, PUBLIC_BYTES);
  const key = publicKeyOf(bytes.subarray(SECRET_AT, SECRET_AT + SECRET_KEY_BYTES));
  if (!bytes.subarray(0, HEAD.length).equals(HEAD) || !blobOf(key).equals(publicBlob))
    throw new InvalidSshKey('is no secret Ed25519 key without a passphrase');
  return lineOf(publicBlob);
}

function publicKeyOf(secret: Buffer): PublicKey {
  try {
    return Identity.fromSecretKey(secret).publicKey;
  } catch (cause) {
    if (!(cause instanceof InvalidKey)) throw cause;
    throw new InvalidSshKey('is no secret Ed25519 key without a passphrase', { cause });
  }
}

function lineOf(publicBlob: Buffer): string {
  return `${TYPE} ${publicBlob.toString('base64')}`;
}

function blobOf(key: PublicKey): Buffer {
  return Buffer.concat([field(TYPE), field(publicKeyBytes(key))]);
}

function field(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([number(bytes.length), bytes]);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
