import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Identity, type PublicKey, parsePublicKey, SECRET_KEY_BYTES } from './keys.ts';
import { stretch } from './passphrase.ts';

/** A text that should hold a key under a passphrase and does not. Says what is wrong with it. */
export class InvalidSealedKey extends Error {
  override readonly name = 'InvalidSealedKey';
}

/** A passphrase that does not open a key; or the text of the key was altered, which looks the same. */
export class WrongPassphrase extends Error {
  override readonly name = 'WrongPassphrase';
  constructor(options?: ErrorOptions) {
    super('the passphrase does not open this key', options);
  }
}

const FIRST_LINE = 'skyminer/sealed-key/v1';
/** scrypt's N as a power of two: 128 MiB and some tenths of a second for each guess. OWASP asks for this as of 2023. */
const COST = 17;
/** What a text may ask for: it comes from a file, and must not take all the memory. 2^20 are 1 GiB. */
const COSTS = { least: 14, most: 20 };
const BLOCK_SIZE = 8;
const MAX_TEXT = 1024;

/**
 * Writes a secret key so that only who has the passphrase can read it: a key from scrypt seals it with AES-256-GCM, and
 * the lines before the last are authenticated with it.
 *
 *     skyminer/sealed-key/v1
 *     public 64 HEX DIGITS
 *     scrypt N 8 1 32 HEX DIGITS OF SALT
 *     aes-256-gcm 24 HEX DIGITS OF NONCE
 *     sealed 160 HEX DIGITS: 64 BYTES OF tweetnacl's SECRET KEY, THEN 16 OF THE TAG
 *
 * @param cost scrypt's N as a power of two, 14 to 20
 */
export async function sealIdentity(identity: Identity, passphrase: string, cost = COST): Promise<string> {
  const salt = randomBytes(16);
  const nonce = randomBytes(12);
  const head = [
    FIRST_LINE,
    `public ${identity.publicKey}`,
    `scrypt ${2 ** cost} ${BLOCK_SIZE} 1 ${salt.toString('hex')}`,
    `aes-256-gcm ${nonce.toString('hex')}`,
    '',
  ].join('\n');
  const cipher = createCipheriv('aes-256-gcm', await stretch(passphrase, salt, costOf(2 ** cost)), nonce);
  cipher.setAAD(Buffer.from(head));
  const sealed = Buffer.concat([cipher.update(identity.secretKey), cipher.final(), cipher.getAuthTag()]);
  return `${head}sealed ${sealed.toString('hex')}\n`;
}

/**
 * @throws {InvalidSealedKey} when the text is none
 * @throws {WrongPassphrase}
 */
export async function openSealedIdentity(text: string, passphrase: string): Promise<Identity> {
  const { publicKey, cost, salt, nonce, head, sealed } = parse(text);
  const decipher = createDecipheriv('aes-256-gcm', await stretch(passphrase, salt, costOf(cost)), nonce);
  decipher.setAAD(Buffer.from(head));
  decipher.setAuthTag(sealed.subarray(SECRET_KEY_BYTES));
  const secret = decipher.update(sealed.subarray(0, SECRET_KEY_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw new WrongPassphrase({ cause });
  }
  const identity = Identity.fromSecretKey(secret);
  if (identity.publicKey !== publicKey)
    throw new InvalidSealedKey(`the key inside is ${identity.publicKey}, not the one its text names`);
  return identity;
}

interface SealedKey {
  publicKey: PublicKey;
  /** scrypt's N. */
  cost: number;
  salt: Buffer;
  nonce: Buffer;
  /** All that stands before the last line. */
  head: string;
  sealed: Buffer;
}

function parse(text: string): SealedKey {
  const match = LAYOUT.exec(text.length <= MAX_TEXT ? text : '');
  if (match === null) throw new InvalidSealedKey(`it is not a text of the form ${FIRST_LINE}`);
  const [, head = '', publicKey = '', cost, salt = '', nonce = '', sealed = ''] = match;
  const power = Math.log2(Number(cost));
  if (!Number.isInteger(power) || power < COSTS.least || power > COSTS.most)
    throw new InvalidSealedKey(
      `scrypt ${cost}: a power of two from ${2 ** COSTS.least} to ${2 ** COSTS.most} is expected`,
    );
  return {
    publicKey: parsePublicKey(publicKey),
    cost: 2 ** power,
    salt: Buffer.from(salt, 'hex'),
    nonce: Buffer.from(nonce, 'hex'),
    head,
    sealed: Buffer.from(sealed, 'hex'),
  };
}

const LAYOUT = new RegExp(
  [
    `^(${FIRST_LINE}\n`,
    'public ([0-9a-f]{64})\n',
    `scrypt ([1-9]\\d{0,7}) ${BLOCK_SIZE} 1 ([0-9a-f]{32})\n`,
    'aes-256-gcm ([0-9a-f]{24})\n)',
    'sealed ([0-9a-f]{160})\n$',
  ].join(''),
);

function costOf(N: number) {
  return { N, r: BLOCK_SIZE, p: 1 };
}
