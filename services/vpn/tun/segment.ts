import { familyOf } from '../packet.ts';
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
 * What the kernel hands over as one, as the packets that other machines understand: a train of TCP is cut, and checksums that the
 * kernel has left to the device are made.
 *
 * @param packet what came behind the header; it may be changed
 * @param allocate gives memory for a packet
 * @returns nothing for what is not understood
 */
export function segment(
  { needsChecksum, gsoType, gsoSize, checksumStart, checksumOffset }: VirtioHeader,
  packet: Buffer,
  allocate: (bytes: number) => Buffer,
): Buffer[] {
  if (gsoType === GSO_NONE) {
    if (needsChecksum && !writeChecksum(packet, checksumStart, checksumOffset)) return [];
    const copy = allocate(packet.length);
    packet.copy(copy);
    return [copy];
  }
  const parts = tcpPartsOf(packet, familyOf(packet));
  return parts === undefined || gsoSize === 0 ? [] : cut(packet, parts, gsoSize, allocate);
}

/** Where the checksum stands the sum over the pseudo-header stands already. */
function writeChecksum(packet: Buffer, start: number, offset: number): boolean {
  if (start + offset + 2 > packet.length) return false;
  const checksum = ~fold(swappedSum(packet, start, packet.length)) & 0xffff;
  // For UDP 0 means that there is none; the other way to write 0 is right for all.
  packet.writeUInt16BE(checksum === 0 ? 0xffff : checksum, start + offset);
  return true;
}

function cut(packet: Buffer, parts: TcpParts, size: number, allocate: (bytes: number) => Buffer): Buffer[] {
  const { family, tcp, payload: head } = parts;
  const sequence = packet.readUInt32BE(tcp + TCP_SEQUENCE);
  const flags = packet[tcp + TCP_FLAGS] ?? 0;
  const packets: Buffer[] = [];
  for (let from = head; from < packet.length; from += size) {
    const to = Math.min(packet.length, from + size);
    const piece = allocate(head + to - from);
    packet.copy(piece, 0, 0, head);
    packet.copy(piece, head, from, to);
    piece.writeUInt32BE((sequence + from - head) >>> 0, tcp + TCP_SEQUENCE);
    // Only the last one ends or pushes, only the first tells that the window was reduced.
    const notHere = (to < packet.length ? FIN | PSH : 0) | (from > head ? CWR : 0);
    piece[tcp + TCP_FLAGS] = flags & ~notHere;
    if (family === 4) piece.writeUInt16BE((packet.readUInt16BE(IPV4_ID) + packets.length) & 0xffff, IPV4_ID);
    finishIpHeader(piece, family);
    writeTcpChecksum(piece, parts);
    packets.push(piece);
  }
  return packets;
}
