/** Kinds of keys that sshd takes: those of OpenSSH 9 but for DSA, and what only certificates and old agents use. */
const TYPES = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
];

const MAX_TEXT = 4096;
const LEAST_RSA_BITS = 2048;

/**
 * What is wrong with a line that should be an OpenSSH public key (sshd(8), AUTHORIZED_KEYS FILE FORMAT) without options,
 * which could run commands; nothing when it is one.
 */
export function problemOfSshKey(line: string): string | undefined {
  if (line.length > MAX_TEXT) return `must be one line of at most ${MAX_TEXT} characters`;
  const match = /^(\S+) ([A-Za-z0-9+/]+={0,2})(?: (?! )[\x20-\x7e\u00a0-\u{10ffff}]*)?$/u.exec(line);
  const [, type = '', base64 = ''] = match ?? [];
  if (!TYPES.includes(type))
    return `must be 'TYPE KEY COMMENT' as in a .pub file, without options; TYPE is one of ${TYPES.join(', ')}`;
  const blob = Buffer.from(base64, 'base64');
  const parts = blob.toString('base64') === base64 ? partsOf(blob) : undefined;
  if (parts?.[0]?.toString('latin1') !== type || parts.length < 2)
    return `must be a whole key of the type ${type}; copy the .pub file again`;
  if (type === 'ssh-rsa' && bitsOf(parts[2]) < LEAST_RSA_BITS)
    return `must be an RSA key of at least ${LEAST_RSA_BITS} bits; better make one by 'ssh-keygen -t ed25519'`;
  return undefined;
}

/** The strings of RFC 4251 that a key is made of. */
function partsOf(blob: Buffer): Buffer[] | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    parts.push(blob.subarray(at + 4, end));
    at = end;
  }
  return parts;
}

/** Of a positive number as SSH writes it: a zero byte before it where its first bit is set. */
function bitsOf(number: Uint8Array = new Uint8Array()): number {
  const first = number.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return 8 * (number.length - first) - Math.clz32(number[first] ?? 0) + 24;
}
