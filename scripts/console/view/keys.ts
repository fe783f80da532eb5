/** Ctrl-]: what follows it is meant for this program. */
export const PREFIX = 0x1d;

/** What was typed: bytes for the board, or the key that followed the prefix. */
export type Typed = { kind: 'bytes'; bytes: Buffer } | { kind: 'command'; key: string };

/** Tells keys for this program from those for the board; the prefix twice is the prefix itself. */
export class KeyReader {
  #prefixed = false;

  *read(typed: Buffer): Generator<Typed> {
    let start = 0;
    for (let at = 0; at < typed.length; at++) {
      const byte = typed[at] ?? 0;
      if (this.#prefixed) {
        this.#prefixed = false;
        start = at + 1;
        if (byte === PREFIX) yield { kind: 'bytes', bytes: Buffer.of(PREFIX) };
        else yield { kind: 'command', key: String.fromCharCode(byte) };
      } else if (byte === PREFIX) {
        if (at > start) yield { kind: 'bytes', bytes: typed.subarray(start, at) };
        this.#prefixed = true;
        start = at + 1;
      }
    }
    if (start < typed.length) yield { kind: 'bytes', bytes: typed.subarray(start) };
  }
}
