import { ADDRESS_BYTES } from './networks.ts';
import { SOURCE_AT } from './packet.ts';
import type { TcpParts } from './tun/tcp-packet.ts';

/** Connections share a place when there are more, or by chance; then one's packets go with the other's trains. */
const PLACES = 1_024;
/** Milliseconds after a train in which packets behind it might arrive before it if they went another way. */
const UNDER_WAY_MS = 1_000;

/** Which connections of TCP have trains under way. Remembers none of them, only when each of some places had its last one. */
export class Flows {
  readonly #lastTrain = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);

  /** A train goes out. @param now milliseconds of a clock that only goes forward */
  departs(packet: Buffer, parts: TcpParts, now: number): void {
    this.#lastTrain[placeOf(packet, parts)] = now;
  }

  /** Whether a packet of this connection must go in line with its trains, so as not to overtake one. */
  areUnderWay(packet: Buffer, parts: TcpParts, now: number): boolean {
    return now - (this.#lastTrain[placeOf(packet, parts)] ?? 0) < UNDER_WAY_MS;
  }
}

/** By addresses and ports. */
function placeOf(packet: Buffer, { family, tcp }: TcpParts): number {
  let hash = packet.readInt32BE(tcp);
  const end = SOURCE_AT[family] + 2 * ADDRESS_BYTES[family];
  for (let at = SOURCE_AT[family]; at < end; at += 4)
    hash = Math.imul(hash ^ packet.readInt32BE(at), 0x9e3779b1);
  return (hash ^ (hash >>> 16)) & (PLACES - 1);
}
