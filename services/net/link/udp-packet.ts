import type { CipherState } from '../noise/state.ts';
import { ForgedRecord, TAG_BYTES } from '../noise/suite.ts';
import { BadFrame, checkHeader, FrameType, HEADER_BYTES } from './frames.ts';

/** Bytes of a receiver's number, at the start of each packet. */
export const NUMBER_BYTES = 4;
/** Number of the receiver (u32), counter (u64). */
const HEAD_BYTES = NUMBER_BYTES + 8;
const PAYLOAD_AT = HEAD_BYTES + HEADER_BYTES + TAG_BYTES;
/** A packet with its headers of IPv4 and UDP then has the 1,500 bytes of an Ethernet frame. */
export const MAX_UDP_PAYLOAD_BYTES = 1500 - 20 - 8 - PAYLOAD_AT;
/** Nonces of packets start here; records never get there. */
const FIRST_NONCE = 2 ** 52;

/** What may go over UDP. */
const carried: ReadonlySet<number> = new Set([FrameType.datagram, FrameType.ping, FrameType.pong]);

export interface Packet {
  counter: number;
  type: number;
  label: number;
  /** A slice of what was received. */
  payload: Buffer;
}

/** A packet of section 2.3 of `docs/protocol.md`. `bytes` is the length of all parts. */
export function sealPacket(
  cipher: CipherState,
  to: { number: number; counter: number },
  { type, label }: { type: number; label: number },
  parts: readonly Buffer[],
  bytes: number,
): Buffer {
  const packet = Buffer.allocUnsafe(PAYLOAD_AT + bytes);
  packet.writeUInt32BE(to.number);
  packet.writeBigUInt64BE(BigInt(to.counter), NUMBER_BYTES);
  let end = PAYLOAD_AT;
  for (const part of parts) end += part.copy(packet, end);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(type * 2 ** 24 + bytes);
  header.writeUInt32BE(label, 4);
  cipher.aead.seal(FIRST_NONCE + to.counter, additionalOf(packet), header).copy(packet, HEAD_BYTES);
  return packet;
}

/** @returns undefined for what was not sealed with this key, or makes no sense */
export function openPacket(cipher: CipherState, packet: Buffer): Packet | undefined {
  if (packet.length < PAYLOAD_AT || packet.length > PAYLOAD_AT + MAX_UDP_PAYLOAD_BYTES) return undefined;
  const counter = Number(packet.readBigUInt64BE(NUMBER_BYTES));
  if (counter >= FIRST_NONCE) return undefined;
  const payload = packet.subarray(PAYLOAD_AT);
  try {
    const sealed = packet.subarray(HEAD_BYTES, PAYLOAD_AT);
    const header = cipher.aead.open(FIRST_NONCE + counter, additionalOf(packet), sealed);
    const [type, label] = [header.readUInt8(), header.readUInt32BE(4)];
    checkHeader(type, label, payload.length);
    if (header.readUIntBE(1, 3) !== payload.length || !carried.has(type)) return undefined;
    return { counter, type, label, payload };
  } catch (error) {
    if (error instanceof ForgedRecord || error instanceof BadFrame) return undefined;
    throw error;
  }
}

function additionalOf(packet: Buffer): Buffer | Buffer[] {
  const head = packet.subarray(0, HEAD_BYTES);
  return packet.length === PAYLOAD_AT ? head : [head, packet.subarray(PAYLOAD_AT)];
}
