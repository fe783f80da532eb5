import { createHmac, randomBytes } from 'node:crypto';

const removed = '[removed]';
/** What secrets are called: variables, options, fields in JSON, parameters in an address. */
const anywhere =
  'pass(?:word|phrase|wd|code)|secret|token|credential|authorization|api_?key|private_?key|cookie';
/** These stand in other words too. */
const apart = '(?<![a-z])(?:pass|pwd|auth|session|salt|hash|psk|pin|key)s?(?![a-z])';
const secretWord = `(?:${anywhere}|${apart})`;
const secretName = new RegExp(secretWord, 'i');
/** Such a name, then what it stands for: `name=value`, `name: value`, `"name":"value"` and, escaped once, `\"name\":\"value\"`. */
const named = new RegExp(
  `((?<![\\w.-])[\\w.-]{0,40}${secretWord}[\\w.-]{0,20}(?:\\\\?["'])?(?:\\s{0,8}[=:]|%3d)\\s{0,8}(?:(?:bearer|basic|digest|token)\\s{1,8})?)` +
    `("(?:[^"\\\\]|\\\\.){0,4096}"|\\\\"[^"\\\\]{0,4096}\\\\"|'[^']{0,4096}'|[^\\s&"',;}\\]]{1,4096})`,
  'gi',
);
const option = new RegExp(`(--?[\\w-]{0,40}${secretWord}[\\w-]{0,20}\\s{1,8})([^\\s-]\\S{0,4096})`, 'gi');
const scheme = /\b(bearer|basic|digest)(\s{1,8})[^\s"',;]{1,4096}/gi;
const userinfo = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^/\s"'@]{1,1024}@/gi;
/** Hashes of passphrases as crypt(3) and its relatives write them. */
const crypted = /\$[a-z0-9-]{1,12}\$[^\s:"',]{8,1024}/gi;
const separatedHex = /\b(?:[0-9a-f]{2}[: -]){11,512}[0-9a-f]{2}\b/gi;
const hex = /(?<![0-9a-z])(?:0x)?[0-9a-f]{20,}(?![0-9a-z])/gi;
const encoded = /[A-Za-z0-9+/_-]{20,}={0,2}/g;
/** Control sequences can stand in the middle of a secret and hide it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const controls = /\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
/** Shorter secrets are not looked for by themselves: they would be found everywhere. */
const leastSecret = 4;

/** Whether what stands under this name, of a variable or of an option, is secret. */
export function isSecretName(name: string): boolean {
  return secretName.test(name.replace(/^-+/, ''));
}

/**
 * Takes secrets out of text. Known ones wherever they stand, in the forms in which programs write them; all others by what
 * they look like or what they are called. Long hex digits and base64 become a label, the same for the same value and
 * another in every bundle, so that a key can be followed and not be learned.
 */
export class Redactor {
  readonly #salt = randomBytes(32);
  readonly #known = new Set<string>();

  /** @param secret removed from now on, also as hex, base64 and in addresses */
  know(secret: string): void {
    if (secret.length < leastSecret) return;
    const bytes = Buffer.from(secret);
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      bytes.toString('hex'),
    ];
    forms.push(
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
      bytes.toString('hex').toUpperCase(),
    );
    for (const form of forms) this.#known.add(form);
  }

  text(text: string): string {
    let clean = text.replaceAll(controls, '');
    for (const secret of [...this.#known].sort((a, b) => b.length - a.length))
      clean = clean.replaceAll(secret, removed);
    return clean
      .replaceAll(userinfo, `$1${removed}@`)
      .replaceAll(named, (_all, name: string, value: string) => `${name}${likewise(value)}`)
      .replaceAll(option, `$1${removed}`)
      .replaceAll(scheme, `$1$2${removed}`)
      .replaceAll(crypted, removed)
      .replaceAll(separatedHex, (value) => this.#label(value))
      .replaceAll(hex, (value) => this.#label(value))
      .replaceAll(encoded, (value) => (looksRandom(value) ? this.#label(value) : value));
  }

  /** Arguments of a command; what follows an option with a secret name is secret. */
  args(args: readonly string[]): string[] {
    return args.map((word, at) => {
      const before = args[at - 1] ?? '';
      return before.startsWith('-') && !before.includes('=') && isSecretName(before)
        ? removed
        : this.text(word);
    });
  }

  #label(value: string): string {
    const digest = createHmac('sha256', this.#salt).update(value.toLowerCase()).digest('hex');
    return `[key ${digest.slice(0, 8)}]`;
  }
}

/** In the quotes that the value had. */
function likewise(value: string): string {
  const [quote = ''] = /^(?:\\"|["'])/.exec(value) ?? [];
  return `${quote}${removed}${quote}`;
}

/** Random bytes in base64 mix capitals, small letters and digits; the words of a path or of a name do not. */
function looksRandom(value: string): boolean {
  return value.split('/').some((part) => {
    const mixed = /[a-z]/.test(part) && /[A-Z]/.test(part);
    return mixed && (part.length >= 20 ? !isWords(part) : part.length >= 8 && /\d/.test(part));
  });
}

/** `CamelCaseOfWords`: long words of letters alone. */
function isWords(part: string): boolean {
  const words = part.match(/[A-Z]?[a-z]+/g) ?? [];
  return words.join('') === part && part.length / words.length >= 5;
}
