import type { Family } from './networks.ts';

/** Where the addresses stand in a packet. RFC 791 section 3.1, RFC 8200 section 3. */
export const SOURCE_AT = { 4: 12, 6: 8 } as const;
export const DESTINATION_AT = { 4: 16, 6: 24 } as const;

const IPV4_LEAST_HEADER = 20;
const IPV6_HEADER = 40;

/**
 * Which IP a packet is of, when it is exactly one whole packet with a header of possible length; of what is in it
 * nothing is promised. Undefined for everything else.
 */
export function familyOf(packet: Buffer): Family | undefined {
  const first = packet[0] ?? 0;
  if (first >> 4 === 4) {
    const header = (first & 0x0f) * 4;
    const whole =
      header >= IPV4_LEAST_HEADER && packet.length >= header && packet.readUInt16BE(2) === packet.length;
    return whole ? 4 : undefined;
  }
  if (first >> 4 === 6) {
    const whole = packet.length >= IPV6_HEADER && packet.readUInt16BE(4) + IPV6_HEADER === packet.length;
    return whole ? 6 : undefined;
  }
  return undefined;
}
