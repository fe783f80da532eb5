/** Datagrams on a byte stream: each its length (u16) and its bytes. */

const headBytes = 2;

/** Most bytes of a datagram. */
export const maxDatagramBytes = 65_535;
/** A longer datagram is not copied to lie beside the others: one more piece to write costs less. */
const copiedBytes = 8 * 1024;

/** The bytes in pieces, which are to be written together. Those of long datagrams must not be changed any more. */
export function encodeDatagrams(payloads: readonly Buffer[]): Buffer[] {
  const pieces: Buffer[] = [];
  let length = 0;
  for (const payload of payloads) length += headBytes + (payload.length <= copiedBytes ? payload.length : 0);
  const block = Buffer.allocUnsafe(length);
  let from = 0;
  let at = 0;
  for (const payload of payloads) {
    at = block.writeUInt16BE(payload.length, at);
    if (payload.length <= copiedBytes) {
      at += payload.copy(block, at);
      continue;
    }
    pieces.push(block.subarray(from, at), payload);
    from = at;
  }
  if (at > from) pieces.push(block.subarray(from, at));
  return pieces;
}

/** Takes datagrams out of chunks. They are copies: a chunk may be overwritten afterwards. */
export class DatagramSplitter {
  /** The first of two bytes of a length. */
  #first: number | undefined;
  /** What of a datagram has come. */
  #begun: Buffer | undefined;
  #filled = 0;

  push(chunk: Buffer): Buffer[] {
    const payloads: Buffer[] = [];
    let at = 0;
    for (;;) {
      if (this.#begun === undefined) {
        const used = this.#begin(chunk, at);
        if (used === 0) return payloads;
        at += used;
        if (this.#begun === undefined) return payloads;
      }
      const copied = chunk.copy(this.#begun, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#begun.length) return payloads;
      payloads.push(this.#begun);
      this.#begun = undefined;
    }
  }

  /** Reads the length of a datagram. @returns how many bytes that took; there is none yet when it is not whole */
  #begin(chunk: Buffer, at: number): number {
    const next = chunk[at];
    if (next === undefined) return 0;
    const [high, low] = this.#first === undefined ? [next, chunk[at + 1]] : [this.#first, next];
    if (low === undefined) {
      this.#first = high;
      return 1;
    }
    const used = this.#first === undefined ? headBytes : 1;
    this.#first = undefined;
    this.#begun = Buffer.allocUnsafe(high * 256 + low);
    this.#filled = 0;
    return used;
  }
}
