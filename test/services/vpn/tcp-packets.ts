import type { Train } from '../../../services/vpn/train.ts';
import { coalesce } from '../../../services/vpn/tun/coalesce.ts';
import { ipv4Packet, ipv6Packet } from './packets.ts';

export const PSH = 0x08;
export const ACK = 0x10;

/** RFC 1071 word by word, as the RFC has it. */
export function checksum(...parts: Uint8Array[]): number {
  const bytes = Buffer.concat([...parts, Buffer.alloc(1)]);
  let sum = 0;
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    sum += bytes.readUInt16BE(at);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return ~sum & 0xffff;
}

export interface Tcp {
  family: 4 | 6;
  sequence: number;
  flags: number;
  options: Uint8Array;
  payload: Uint8Array;
  id?: number;
  /** Port from which it comes: another connection. */
  port?: number;
}

/** A packet of one connection with right checksums. */
export function tcpPacket({ family, sequence, flags, options, payload, id = 7, port = 1_234 }: Tcp): Buffer {
  const length = 20 + options.length + payload.length;
  const packet =
    family === 4 ? ipv4Packet('10.0.0.1', '10.0.0.2', length) : ipv6Packet('fd00::1', 'fd00::2', length);
  const at = packet.length - length;
  packet[family === 4 ? 9 : 6] = 6;
  packet.writeUInt16BE(port, at);
  packet.writeUInt16BE(443, at + 2);
  packet.writeUInt32BE(sequence, at + 4);
  packet[at + 12] = (5 + options.length / 4) << 4;
  packet[at + 13] = flags;
  packet.writeUInt16BE(500, at + 14);
  packet.set(options, at + 20);
  packet.set(payload, at + 20 + options.length);
  if (family === 4) {
    packet.writeUInt16BE(id, 4);
    packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10);
  }
  packet.writeUInt16BE(tcpChecksum(packet, family), at + 16);
  return packet;
}

/** What the checksum field would have to be if it were 0; 0 when the one that is there is right. */
export function tcpChecksum(packet: Buffer, family: 4 | 6): number {
  const tcp = packet.subarray(family === 4 ? 20 : 40);
  const pseudo = Buffer.alloc(4);
  pseudo[1] = 6;
  pseudo.writeUInt16BE(tcp.length, 2);
  return checksum(family === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40), pseudo, tcp);
}

/** Packets of a connection that follow each other, as a sender with this segment size makes them. */
export function packetsInRow(
  family: 4 | 6,
  sequence: number,
  options: Uint8Array,
  payload: Uint8Array,
  size: number,
): Buffer[] {
  const packets: Buffer[] = [];
  for (let from = 0; from < payload.length; from += size) {
    const last = from + size >= payload.length;
    const at = {
      sequence: (sequence + from) >>> 0,
      flags: last ? ACK | PSH : ACK,
      id: (7 + packets.length) & 0xffff,
    };
    packets.push(tcpPacket({ family, options, payload: payload.subarray(from, from + size), ...at }));
  }
  return packets;
}

/** All that the device is given for these, each with its header of virtio. */
export function written(trains: readonly Train[]): Buffer[] {
  const all: Buffer[] = [];
  coalesce(trains, (bytes) => all.push(Buffer.from(bytes)));
  return all;
}
