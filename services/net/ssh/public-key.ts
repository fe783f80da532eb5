/** A text that should be an OpenSSH public key and is not. */
export class InvalidSshKey extends Error {
  override readonly name = 'InvalidSshKey';
}

/** Characters of a key's line: RSA of 16,384 bits and a long comment. */
export const MAX_SSH_KEY = 8192;

/** RFC 8332 allows less; OpenSSH takes no shorter ones. */
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 16_384;

/** What follows the type in the bytes of a key: RFC 4253, RFC 5656, RFC 8709, and OpenSSH's PROTOCOL.u2f. */
const KINDS: Record<string, (fields: Fields) => void> = {
  'ssh-ed25519': ed25519,
  'ssh-rsa': rsa,
  'ecdsa-sha2-nistp256': (fields) => ecdsa(fields, 'nistp256', 65),
  'ecdsa-sha2-nistp384': (fields) => ecdsa(fields, 'nistp384', 97),
  'ecdsa-sha2-nistp521': (fields) => ecdsa(fields, 'nistp521', 133),
  'sk-ssh-ed25519@openssh.com': (fields) => {
    ed25519(fields);
    fields.next();
  },
  'sk-ecdsa-sha2-nistp256@openssh.com': (fields) => {
    ecdsa(fields, 'nistp256', 65);
    fields.next();
  },
};

/** Whether a text begins as a key does, so that it is worth saying what is wrong with the rest. */
export function looksLikeSshKey(text: string): boolean {
  return Object.keys(KINDS).some((type) => text.startsWith(`${type} `));
}

/**
 * Reads one public key as OpenSSH writes it, `TYPE BASE64 [COMMENT]`, without the options that an `authorized_keys` may
 * have before it: they run commands.
 *
 * @returns the line, single spaces between its parts
 * @throws {InvalidSshKey}
 */
export function parseSshKey(text: string): string {
  const line = text.trim();
  if (line.length > MAX_SSH_KEY) throw new InvalidSshKey(`is longer than ${MAX_SSH_KEY} characters`);
  if (line.includes('PRIVATE KEY')) throw new InvalidSshKey('is a secret key: give its public half');
  if (/\p{Cc}/u.test(line)) throw new InvalidSshKey('is not one line of text');
  const [type = '', base64 = '', ...comment] = line.split(/ +/);
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  if (kind === undefined) throw new InvalidSshKey(whyNoType(line));
  checkBytes(type, base64, kind);
  return [type, base64, ...comment].join(' ');
}

function whyNoType(line: string): string {
  const types = Object.keys(KINDS);
  if (types.some((type) => line.includes(` ${type} `)))
    return 'has options before the key, which are not taken: begin with the type of the key';
  return `is no OpenSSH public key: it begins with ${types.slice(0, 3).join(', ')} or the like`;
}

function checkBytes(type: string, base64: string, kind: (fields: Fields) => void): void {
  const bytes = Buffer.from(base64, 'base64');
  if (base64 === '' || bytes.toString('base64') !== base64)
    throw new InvalidSshKey(`is damaged: what follows ${type} is no base64`);
  const fields = new Fields(bytes);
  if (fields.next().toString('latin1') !== type)
    throw new InvalidSshKey(`is damaged: inside it is no ${type}`);
  kind(fields);
  fields.end();
}

function ed25519(fields: Fields): void {
  if (fields.next().length !== 32) throw new InvalidSshKey('is damaged: an Ed25519 key has 32 bytes');
}

function ecdsa(fields: Fields, curve: string, length: number): void {
  const name = fields.next().toString('latin1');
  const point = fields.next();
  if (name !== curve || point.length !== length || point[0] !== 4)
    throw new InvalidSshKey(`is damaged: inside it is no point of ${curve}`);
}

function rsa(fields: Fields): void {
  fields.next();
  const modulus = fields.next();
  const leading = modulus.findIndex((byte) => byte !== 0);
  const bits = leading < 0 ? 0 : 8 * (modulus.length - leading) - Math.clz32(modulus[leading] ?? 0) + 24;
  if (bits < LEAST_RSA_BITS || bits > MOST_RSA_BITS)
    throw new InvalidSshKey(`has ${bits} bits: RSA needs ${LEAST_RSA_BITS} to ${MOST_RSA_BITS}`);
}

/** The fields of a key: a length of four bytes, then as many bytes (RFC 4251, section 5). */
class Fields {
  private rest: Buffer;

  constructor(bytes: Buffer) {
    this.rest = bytes;
  }

  next(): Buffer {
    const end = this.rest.length < 4 ? Number.POSITIVE_INFINITY : 4 + this.rest.readUInt32BE();
    if (end > this.rest.length) throw new InvalidSshKey('is damaged: it is cut short');
    const field = this.rest.subarray(4, end);
    this.rest = this.rest.subarray(end);
    return field;
  }

  end(): void {
    if (this.rest.length > 0) throw new InvalidSshKey('is damaged: something follows the key');
  }
}
