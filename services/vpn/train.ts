import { familyOf } from './packet.ts';
import { tcpPartsOf } from './tun/tcp-packet.ts';

/** No packet of IP is longer, whatever the MTU: 65,535 bytes of payload behind a header of IPv6. */
export const LONGEST_BYTES = 40 + 65_535;

/**
 * What passes between an interface and a tunnel: a whole IP packet with all its checksums, or a train, which is one packet of
 * TCP that stands for many: whoever cannot take it whole cuts its payload into segments and gives each the headers. The
 * checksum of a train's TCP is made when it is cut, and means nothing before.
 */
export interface Train {
  packet: Buffer;
  /** Bytes of payload in each packet but the last when it is cut; 0 for a packet. */
  segment: number;
  /** Bytes of the same memory before the packet that belong to it, so that a head can be put there. Default none. */
  room?: number;
}

/** For how many packets a train stands, and the bytes of the longest. */
export function sizeOf({ packet, segment }: Train): { packets: number; longest: number } {
  const parts = segment === 0 ? undefined : tcpPartsOf(packet, familyOf(packet));
  if (parts === undefined) return { packets: 1, longest: packet.length };
  return {
    packets: Math.ceil((packet.length - parts.payload) / segment),
    longest: Math.min(packet.length, parts.payload + segment),
  };
}
