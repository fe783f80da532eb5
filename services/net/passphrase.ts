import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A text that should hold the hash of a passphrase and does not. Says what is wrong with it. */
export class InvalidPassphraseHash extends Error {
  override readonly name = 'InvalidPassphraseHash';
}

/** Fewer characters are guessed whatever scrypt costs. */
export const MIN_PASSPHRASE = 8;

/** What a guess costs: scrypt's parameters, RFC 7914. Memory is 128 · N · r bytes. */
export interface ScryptCost {
  /** A power of two. */
  N: number;
  r: number;
  p: number;
}

/** 64 MiB and twice the time, of OWASP's equal choices (as of 2023) one that a board of 512 MB can pay. */
const HASH_COST: ScryptCost = { N: 2 ** 16, r: 8, p: 2 };
/** What a text may ask for: it comes from a file, and must neither be cheap nor take more memory than a board has. */
const COSTS = { least: 2 ** 14, most: 2 ** 17 };
const BLOCK_SIZE = 8;
const MOST_PASSES = 4;
const KEY_BYTES = 32;

/**
 * One line that tells whether a passphrase is the right one and gives away as little of it as scrypt allows:
 *
 *     scrypt N 8 P 32 HEX DIGITS OF SALT 64 HEX DIGITS OF THE HASH
 *
 * N is a power of two from 16384 to 131072, P is 1 to 4.
 */
export async function hashPassphrase(passphrase: string, cost: ScryptCost = HASH_COST): Promise<string> {
  const salt = randomBytes(16);
  const key = await stretch(passphrase, salt, cost);
  return `scrypt ${cost.N} ${cost.r} ${cost.p} ${salt.toString('hex')} ${key.toString('hex')}\n`;
}

/** What a line of {@link hashPassphrase} says. */
export interface PassphraseHash {
  readonly cost: ScryptCost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** @throws {InvalidPassphraseHash} */
export function parsePassphraseHash(text: string): PassphraseHash {
  const match = LAYOUT.exec(text.length <= MAX_TEXT ? text : '');
  if (match === null)
    throw new InvalidPassphraseHash(
      "it is not one line of the form 'scrypt N 8 P SALT HASH'; make one with 'skyminer passphrase'",
    );
  const [, N = '', p = '', salt = '', key = ''] = match;
  const cost = { N: Number(N), r: BLOCK_SIZE, p: Number(p) };
  if (!Number.isInteger(Math.log2(cost.N)) || cost.N < COSTS.least || cost.N > COSTS.most)
    throw new InvalidPassphraseHash(
      `scrypt ${N}: a power of two from ${COSTS.least} to ${COSTS.most} is expected`,
    );
  return { cost, salt: Buffer.from(salt, 'hex'), key: Buffer.from(key, 'hex') };
}

/** Takes as long for a wrong passphrase as for the right one. */
export async function isPassphrase(
  { cost, salt, key }: PassphraseHash,
  passphrase: string,
): Promise<boolean> {
  return timingSafeEqual(await stretch(passphrase, salt, cost), key);
}

/** A key of 32 bytes. The same characters give the same key however a keyboard composes them. */
export function stretch(passphrase: string, salt: Uint8Array, { N, r, p }: ScryptCost): Promise<Buffer> {
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

const MAX_TEXT = 160;
const LAYOUT = new RegExp(
  `^scrypt ([1-9]\\d{0,6}) ${BLOCK_SIZE} ([1-${MOST_PASSES}]) ([0-9a-f]{32}) ([0-9a-f]{${2 * KEY_BYTES}})\\n?$`,
);
