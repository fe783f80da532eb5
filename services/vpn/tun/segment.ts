import { familyOf } from '../packet.ts';
import type { Train } from '../train.ts';
import { fold, swappedSum } from './checksum.ts';
import {
  CWR,
  FIN,
  finishIpHeader,
  IPV4_ID,
  PSH,
  TCP_FLAGS,
  TCP_SEQUENCE,
  type TcpParts,
  tcpPartsOf,
  writeTcpChecksum,
} from './tcp-packet.ts';
import { GSO_NONE, type VirtioHeader } from './virtio.ts';

/**
 * What the kernel hands over. A checksum that it has left to the device is made, but for that of a train.
 *
 * @param packet what came behind the header; it may be changed, and belongs to the train
 * @returns undefined for what is not understood
 */
export function trainOf(
  { needsChecksum, gsoType, gsoSize, checksumStart, checksumOffset }: VirtioHeader,
  packet: Buffer,
): Train | undefined {
  if (gsoType === GSO_NONE) {
    const whole = !needsChecksum || writeChecksum(packet, checksumStart, checksumOffset);
    return whole ? { packet, segment: 0 } : undefined;
  }
  const parts = tcpPartsOf(packet, familyOf(packet));
  return parts === undefined || gsoSize === 0 ? undefined : { packet, segment: gsoSize };
}

/** The packets that other machines understand, with right checksums. */
export function packetsOf(train: Train): Buffer[] {
  const { packet, segment } = train;
  const parts = segment === 0 ? undefined : tcpPartsOf(packet, familyOf(packet));
  if (parts === undefined) return [packet];
  const pieces = cut(packet, parts, segment);
  for (const [at, piece] of pieces.entries()) {
    if (parts.family === 4) piece.writeUInt16BE((packet.readUInt16BE(IPV4_ID) + at) & 0xffff, IPV4_ID);
    finishIpHeader(piece, parts.family);
    writeTcpChecksum(piece, parts);
  }
  return pieces;
}

/** The same as trains of at most so many bytes, for which a packet of it must have room. */
export function shortened(train: Train, parts: TcpParts, most: number): Train[] {
  const { packet, segment } = train;
  if (packet.length <= most) return [train];
  const segments = Math.floor((most - parts.payload) / segment);
  return cut(packet, parts, segments * segment).map((piece, at) => {
    if (parts.family === 4)
      piece.writeUInt16BE((packet.readUInt16BE(IPV4_ID) + at * segments) & 0xffff, IPV4_ID);
    finishIpHeader(piece, parts.family);
    const isTrain = piece.length - parts.payload > segment;
    if (!isTrain) writeTcpChecksum(piece, parts);
    return { packet: piece, segment: isTrain ? segment : 0 };
  });
}

/** Where the checksum stands the sum over the pseudo-header stands already. */
function writeChecksum(packet: Buffer, start: number, offset: number): boolean {
  if (start + offset + 2 > packet.length) return false;
  const checksum = ~fold(swappedSum(packet, start, packet.length)) & 0xffff;
  // For UDP 0 means that there is none; the other way to write 0 is right for all.
  packet.writeUInt16BE(checksum === 0 ? 0xffff : checksum, start + offset);
  return true;
}

/** Pieces with so much payload, each with headers of its own, but for lengths, numbers and checksums. */
function cut(packet: Buffer, { tcp, payload: head }: TcpParts, size: number): Buffer[] {
  const sequence = packet.readUInt32BE(tcp + TCP_SEQUENCE);
  const flags = packet[tcp + TCP_FLAGS] ?? 0;
  const pieces: Buffer[] = [];
  const count = Math.max(1, Math.ceil((packet.length - head) / size));
  // One piece of memory for all: they are sent together.
  const memory = Buffer.allocUnsafeSlow(packet.length + (count - 1) * head);
  let at = 0;
  for (let from = head; pieces.length < count; from += size) {
    const to = Math.min(packet.length, from + size);
    const piece = memory.subarray(at, at + head + to - from);
    at += piece.length;
    packet.copy(piece, 0, 0, head);
    packet.copy(piece, head, from, to);
    piece.writeUInt32BE((sequence + from - head) >>> 0, tcp + TCP_SEQUENCE);
    // Only the last one ends or pushes, only the first tells that the window was reduced.
    const notHere = (to < packet.length ? FIN | PSH : 0) | (from > head ? CWR : 0);
    piece[tcp + TCP_FLAGS] = flags & ~notHere;
    pieces.push(piece);
  }
  return pieces;
}
