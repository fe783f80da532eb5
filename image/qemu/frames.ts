/** Longest frame of QEMU's stream network backend (`NET_BUFSIZE` in its include/net/net.h). */
export const MAX_FRAME = 4096 + 65_536;
/** Both Ethernet addresses and the type: nothing shorter can be sent on. */
const MIN_FRAME = 14;

/** A peer that does not keep to the framing. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** One Ethernet frame: `[destination MAC 6][source MAC 6][type 2][payload]`. */
export interface Frame {
  /** The frame as it goes on the wire, its length in front (unsigned, 32 bit, big endian). */
  wire: Buffer;
  /** Addresses as `xx:xx:xx:xx:xx:xx` in lower case. */
  destination: string;
  source: string;
}

/** Cuts a byte stream into frames; keeps at most one incomplete frame. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** @throws FrameError for a length no frame can have */
  *read(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 4) {
      const length = bytes.readUInt32BE(0);
      if (length < MIN_FRAME || length > MAX_FRAME) throw new FrameError(`a frame of ${length} bytes`);
      if (bytes.length < 4 + length) break;
      const wire = bytes.subarray(0, 4 + length);
      bytes = bytes.subarray(4 + length);
      yield { wire, destination: macAt(wire, 4), source: macAt(wire, 10) };
    }
    this.#rest = bytes;
  }
}

/** Whether a frame to this address goes to all (broadcast and multicast: the lowest bit of the first byte). */
export function isGroup(mac: string): boolean {
  return (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
}

function macAt(wire: Buffer, offset: number): string {
  return wire
    .subarray(offset, offset + 6)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1:');
}
