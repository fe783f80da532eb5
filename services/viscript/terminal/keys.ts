/**
 * Bytes of a terminal → keys. Needs no timer: an escape is always taken as the prefix of what follows, so sequences
 * that a slow line tears apart are put together again, and a terminal that answers nothing is never waited for.
 *
 * Bytes that are no UTF-8 (line noise) and NUL (what a BREAK reads as) never reach the text.
 */

/** Text to insert, or a key by its name: `enter`, `left`, `ctrl-a`, `alt-b`, `ctrl-left`, `invalid` (a bad byte). */
export type Key = { kind: 'text'; text: string } | { kind: 'key'; name: string };

type State = 'ground' | 'escape' | 'csi' | 'linux-function-key' | 'ss3' | 'string' | 'string-escape';

const ESC = 0x1b;
const BEL = 0x07;
/** Longest escape sequence (bytes) and longest answer of a terminal that are waited for before giving up. */
const MAX_SEQUENCE = 64;
const MAX_STRING = 4096;

export class KeyDecoder {
  #state: State = 'ground';
  #alt = false;
  #sequence = '';
  #stringLength = 0;
  #pasting = false;
  #afterReturn = false;
  #utf8: { value: number; missing: number; least: number } | undefined;
  #keys: Key[] = [];
  #text: string[] = [];

  /** Takes bytes as they came, torn anywhere, and returns the keys they complete. */
  push(chunk: Uint8Array): Key[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < bytes.length) {
      const end = this.#state === 'ground' && this.#utf8 === undefined ? endOfAscii(bytes, at) : at;
      if (end > at) {
        this.#text.push(bytes.toString('latin1', at, end));
        this.#afterReturn = false;
        at = end;
        continue;
      }
      this.#byte(bytes[at] ?? 0);
      at += 1;
    }
    this.#flushText();
    const keys = this.#keys;
    this.#keys = [];
    return keys;
  }

  #byte(byte: number): void {
    switch (this.#state) {
      case 'ground':
        this.#ground(byte);
        break;
      case 'escape':
        this.#escape(byte);
        break;
      case 'csi':
        this.#csi(byte);
        break;
      case 'ss3':
        this.#finish(byte, () => this.#key(SS3_KEYS[String.fromCharCode(byte)]));
        break;
      case 'linux-function-key':
        this.#finish(byte, () => this.#key(undefined));
        break;
      case 'string':
      case 'string-escape':
        this.#string(byte);
        break;
    }
  }

  #ground(byte: number): void {
    if (this.#utf8 !== undefined && this.#continueUtf8(byte)) return;
    const afterReturn = this.#afterReturn;
    this.#afterReturn = byte === 0x0d;
    if (byte === ESC) {
      this.#state = 'escape';
      this.#alt = false;
    } else if (byte >= 0x80) this.#startUtf8(byte);
    else if (byte >= 0x20 && byte < 0x7f) this.#text.push(String.fromCharCode(byte));
    else if (byte === 0x0a && afterReturn)
      return; // the second half of CR LF
    else this.#control(byte);
  }

  #control(byte: number): void {
    if (byte === 0x03) {
      // Also the way out of a paste whose end got lost.
      this.#pasting = false;
      this.#alt = false;
      this.#key('ctrl-c');
    } else if (byte === 0x0d || byte === 0x0a) {
      this.#alt = false;
      this.#key('enter');
    } else if (this.#pasting) {
      if (byte === 0x09) this.#text.push('\t');
    } else if (byte !== 0) this.#key(controlName(byte));
  }

  #escape(byte: number): void {
    const character = String.fromCharCode(byte);
    this.#sequence = '';
    if (byte === ESC) this.#alt = true;
    else if (character === '[') this.#state = 'csi';
    else if (character === 'O') this.#state = 'ss3';
    else if (']P^_X'.includes(character)) {
      this.#state = 'string';
      this.#stringLength = 0;
    } else {
      this.#state = 'ground';
      if (byte > 0x20 && byte < 0x7f) {
        this.#key(`alt-${character}`);
      } else {
        this.#alt = !this.#pasting;
        this.#ground(byte);
        this.#alt = false;
      }
    }
  }

  #csi(byte: number): void {
    const character = String.fromCharCode(byte);
    if (this.#sequence === '' && character === '[') this.#state = 'linux-function-key';
    else if (byte >= 0x20 && byte < 0x40 && this.#sequence.length < MAX_SEQUENCE) this.#sequence += character;
    else this.#finish(byte, () => this.#csiKey(character));
  }

  /** Ends an escape sequence with its last byte; a byte that cannot be one ends it too, and is then taken by itself. */
  #finish(byte: number, emit: () => void): void {
    this.#state = 'ground';
    if (byte >= 0x40 && byte < 0x7f) emit();
    this.#alt = false;
    if (byte < 0x20 || byte >= 0x7f) this.#ground(byte);
  }

  #csiKey(final: string): void {
    const [first = '', second = '1'] = this.#sequence.split(';');
    if (final === '~' && first === '200') this.#pasting = true;
    else if (final === '~' && first === '201') this.#pasting = false;
    else {
      const name = final === '~' ? TILDE_KEYS[first] : CSI_KEYS[final];
      const modifiers = (Number.parseInt(second, 10) || 1) - 1;
      if (name === undefined) return;
      this.#alt ||= (modifiers & 2) !== 0;
      this.#key((modifiers & 4) !== 0 ? `ctrl-${name}` : name);
    }
  }

  /** Answers and titles (OSC, DCS …) mean nothing here; a line end or Ctrl-C breaks off one that never ends. */
  #string(byte: number): void {
    const ended = byte === BEL || (this.#state === 'string-escape' && byte === 0x5c);
    this.#stringLength += 1;
    if (ended || this.#stringLength > MAX_STRING) this.#state = 'ground';
    else if (byte === 0x03 || byte === 0x0d || byte === 0x0a) {
      this.#state = 'ground';
      this.#ground(byte);
    } else this.#state = byte === ESC ? 'string-escape' : 'string';
  }

  #startUtf8(byte: number): void {
    if (byte >= 0xc2 && byte <= 0xdf) this.#utf8 = { value: byte & 0x1f, missing: 1, least: 0x80 };
    else if (byte >= 0xe0 && byte <= 0xef) this.#utf8 = { value: byte & 0x0f, missing: 2, least: 0x800 };
    else if (byte >= 0xf0 && byte <= 0xf4) this.#utf8 = { value: byte & 0x07, missing: 3, least: 0x10000 };
    else this.#key('invalid');
  }

  /** Whether the byte belonged to the character that was begun. */
  #continueUtf8(byte: number): boolean {
    const character = this.#utf8;
    if (character === undefined) return false;
    if ((byte & 0xc0) !== 0x80) {
      this.#utf8 = undefined;
      this.#key('invalid');
      return false;
    }
    character.value = (character.value << 6) | (byte & 0x3f);
    character.missing -= 1;
    if (character.missing > 0) return true;
    this.#utf8 = undefined;
    const { value, least } = character;
    const valid = value >= least && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    // U+0080 to U+009F are control characters too: a terminal would obey them when they are echoed.
    if (valid && value >= 0xa0) this.#text.push(String.fromCodePoint(value));
    else this.#key('invalid');
    return true;
  }

  #key(name: string | undefined): void {
    if (name === undefined || (this.#pasting && !PASTED_KEYS.has(name))) return;
    this.#flushText();
    this.#keys.push({ kind: 'key', name: this.#alt ? `alt-${name}` : name });
  }

  #flushText(): void {
    if (this.#text.length === 0) return;
    this.#keys.push({ kind: 'text', text: this.#text.join('') });
    this.#text = [];
  }
}

/** In a paste, everything else is data of it, never a command to the editor. */
const PASTED_KEYS = new Set(['enter', 'ctrl-c', 'invalid']);

/** xterm, VT220, rxvt, the Linux console: the same keys by their several names. */
const CSI_KEYS: Record<string, string> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  Z: 'backtab',
};
const SS3_KEYS: Record<string, string> = {
  ...CSI_KEYS,
  M: 'enter',
  a: 'ctrl-up',
  b: 'ctrl-down',
  c: 'ctrl-right',
  d: 'ctrl-left',
};
const TILDE_KEYS: Record<string, string> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
};

function controlName(byte: number): string {
  if (byte === 0x08 || byte === 0x7f) return 'backspace';
  if (byte === 0x09) return 'tab';
  return `ctrl-${String.fromCharCode(byte + 0x40).toLowerCase()}`;
}

function endOfAscii(bytes: Buffer, start: number): number {
  let at = start;
  for (let byte = bytes[at]; byte !== undefined && byte >= 0x20 && byte < 0x7f; byte = bytes[at]) at += 1;
  return at;
}
