/** Datagrams on a byte stream: each its length (u16) and its bytes. */

const headBytes = 2;

/** Most bytes of a datagram. */
export const maxDatagramBytes = 65_535;

/** Copies: datagrams are small, and one write of all costs less than a write of each. */
export function encodeDatagrams(payloads: readonly Buffer[]): Buffer {
  let length = 0;
  for (const payload of payloads) length += headBytes + payload.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const payload of payloads) {
    at = bytes.writeUInt16BE(payload.length, at);
    at += payload.copy(bytes, at);
  }
  return bytes;
}

/** Cuts chunks into datagrams, which are parts of the chunks; holds less than one datagram. */
export class DatagramSplitter {
  #held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const payloads: Buffer[] = [];
    let at = 0;
    while (at + headBytes <= bytes.length) {
      const end = at + headBytes + bytes.readUInt16BE(at);
      if (end > bytes.length) break;
      payloads.push(bytes.subarray(at + headBytes, end));
      at = end;
    }
    this.#held = bytes.subarray(at);
    return payloads;
  }
}
