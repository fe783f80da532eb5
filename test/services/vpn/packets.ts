import { parseIp } from '../../../services/net/ip.ts';

/** An IPv4 packet with so many bytes of payload and no checksum. */
export function ipv4Packet(from: string, to: string, payload: number): Buffer {
  const packet = Buffer.alloc(20 + payload);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet.set(parseIp(from) ?? [], 12);
  packet.set(parseIp(to) ?? [], 16);
  return packet;
}

export function ipv6Packet(from: string, to: string, payload: number): Buffer {
  const packet = Buffer.alloc(40 + payload);
  packet[0] = 0x60;
  packet.writeUInt16BE(payload, 4);
  packet.set(parseIp(from) ?? [], 8);
  packet.set(parseIp(to) ?? [], 24);
  return packet;
}
