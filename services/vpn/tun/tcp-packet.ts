import { ADDRESS_BYTES, type Family } from '../networks.ts';
import { DESTINATION_AT, SOURCE_AT } from '../packet.ts';
import { fold, swapped, swappedSum } from './checksum.ts';

/** Offsets in a header of TCP; RFC 9293 section 3.1. */
export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGEMENT = 8;
export const TCP_DATA_OFFSET = 12;
export const TCP_FLAGS = 13;
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_LEAST_HEADER = 20;

export const FIN = 0x01;
export const PSH = 0x08;
export const ACK = 0x10;
export const ECE = 0x40;
export const CWR = 0x80;
/** What packets of a train can have. */
const IN_TRAINS = ACK | PSH | FIN | ECE | CWR;

/** Trains with less payload in a packet are cut before they leave: nobody may make a machine cut one into thousands. */
export const LEAST_SEGMENT_BYTES = 500;

/** Offsets in a header of IPv4; RFC 791 section 3.1. */
export const IPV4_HEADER = 20;
export const IPV4_LENGTH = 2;
export const IPV4_ID = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
/** Offsets in a header of IPv6; RFC 8200 section 3. */
export const IPV6_HEADER = 40;
export const IPV6_LENGTH = 4;
export const IPV6_NEXT = 6;

const PROTOCOL_TCP = 6;

/** Where the parts of a TCP packet lie. */
export interface TcpParts {
  family: Family;
  /** Where TCP begins. */
  tcp: number;
  /** Where its payload begins. */
  payload: number;
}

/** The parts of a plain TCP packet: no options of IPv4, no fragment, no extension headers. Undefined for all others. */
export function tcpPartsOf(packet: Buffer, family: Family | undefined): TcpParts | undefined {
  if (family === 4) {
    const plain =
      packet[0] === 0x45 &&
      packet[IPV4_PROTOCOL] === PROTOCOL_TCP &&
      (packet.readUInt16BE(IPV4_FRAGMENT) & 0xbfff) === 0;
    return plain ? partsFrom(packet, family, IPV4_HEADER) : undefined;
  }
  if (family === 6 && packet[IPV6_NEXT] === PROTOCOL_TCP) return partsFrom(packet, family, IPV6_HEADER);
  return undefined;
}

function partsFrom(packet: Buffer, family: Family, tcp: number): TcpParts | undefined {
  if (packet.length < tcp + TCP_LEAST_HEADER) return undefined;
  const header = ((packet[tcp + TCP_DATA_OFFSET] ?? 0) >> 4) * 4;
  const payload = tcp + header;
  return header >= TCP_LEAST_HEADER && payload <= packet.length ? { family, tcp, payload } : undefined;
}

/** Whether a packet can be a train of segments with so much payload: it has more than one, and only what each can have. */
export function isCuttable(packet: Buffer, { tcp, payload }: TcpParts, segment: number): boolean {
  const flags = packet[tcp + TCP_FLAGS] ?? 0;
  return (flags & ACK) !== 0 && (flags & ~IN_TRAINS) === 0 && packet.length - payload > segment;
}

/** Whether a packet says nothing but what has arrived. */
export function isPlainAck(packet: Buffer, { tcp, payload }: TcpParts): boolean {
  return packet.length === payload && ((packet[tcp + TCP_FLAGS] ?? 0) & ~(ECE | CWR)) === ACK;
}

/** The sum over the pseudo-header of a packet's TCP, as {@link swappedSum} counts. @param length of TCP with its payload */
export function pseudoHeaderSum(packet: Buffer, family: Family, length: number): number {
  const from = SOURCE_AT[family];
  const to = DESTINATION_AT[family] + ADDRESS_BYTES[family];
  return swappedSum(packet, from, to) + swapped(PROTOCOL_TCP) + swapped(length);
}

/** Writes the checksum that the TCP of a whole packet must have. */
export function writeTcpChecksum(packet: Buffer, { family, tcp }: TcpParts): void {
  packet.writeUInt16BE(0, tcp + TCP_CHECKSUM);
  const sum = pseudoHeaderSum(packet, family, packet.length - tcp) + swappedSum(packet, tcp, packet.length);
  packet.writeUInt16BE(~fold(sum) & 0xffff, tcp + TCP_CHECKSUM);
}

/** Whether the TCP of a whole packet has the checksum that it must have. */
export function hasTcpChecksum(packet: Buffer, { family, tcp }: TcpParts): boolean {
  const sum = pseudoHeaderSum(packet, family, packet.length - tcp) + swappedSum(packet, tcp, packet.length);
  return fold(sum) === 0xffff;
}

/** Writes the lengths that a packet has, and the header checksum of IPv4. */
export function finishIpHeader(packet: Buffer, family: Family): void {
  if (family === 6) {
    packet.writeUInt16BE(packet.length - IPV6_HEADER, IPV6_LENGTH);
    return;
  }
  packet.writeUInt16BE(packet.length, IPV4_LENGTH);
  packet.writeUInt16BE(0, IPV4_CHECKSUM);
  packet.writeUInt16BE(~fold(swappedSum(packet, 0, IPV4_HEADER)) & 0xffff, IPV4_CHECKSUM);
}
