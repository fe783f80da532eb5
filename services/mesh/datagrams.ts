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

/** Cuts chunks into datagrams, which are parts of the chunks where they can be; holds less than one datagram. */
export class DatagramSplitter {
  /** The beginning of a datagram: the first part has its length, unless that is all there is. */
  #held: Buffer[] = [];
  #heldBytes = 0;

  push(chunk: Buffer): Buffer[] {
    const payloads: Buffer[] = [];
    const bytes = this.#complete(chunk, payloads);
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const end = at + headBytes + bytes.readUInt16BE(at);
      if (end > bytes.length) break;
      payloads.push(bytes.subarray(at + headBytes, end));
      at = end;
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at));
    return payloads;
  }

  /** Puts the datagram that is held together. @returns what comes behind it */
  #complete(chunk: Buffer, payloads: Buffer[]): Buffer {
    const [first] = this.#held;
    if (first === undefined) return chunk;
    if (first.length < headBytes) return Buffer.concat([...this.#take(), chunk]);
    const missing = headBytes + first.readUInt16BE() - this.#heldBytes;
    if (chunk.length < missing) {
      this.#hold(chunk);
      return chunk.subarray(chunk.length);
    }
    payloads.push(Buffer.concat([...this.#take(), chunk.subarray(0, missing)]).subarray(headBytes));
    return chunk.subarray(missing);
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #take(): Buffer[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }
}
