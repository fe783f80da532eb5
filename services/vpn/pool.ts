import { formatNetwork, type Network } from '../net/ip.ts';
import { ADDRESS_BYTES, type Family, familyOfNetwork, NetworkError } from './networks.ts';

/** The place that the server itself has in its pool. */
export const SERVER_PLACE = 1;
/** The first place that a client can have. */
export const FIRST_CLIENT_PLACE = 2;

/** No pool gives out more places, however large its network is. */
const MOST_PLACES = 65_536;
/** Bits of an address that number the places. */
const PLACE_BITS = 32;

/**
 * A network whose addresses are given out by their place in it: 1 is the server's, the clients' follow. The same place
 * in an IPv4 and in an IPv6 pool belongs to the same client.
 */
export class Pool {
  readonly network: Network;
  readonly family: Family;
  /** Places are below this number. */
  readonly places: number;
  /** The bytes that all addresses have in common, before the number. */
  readonly #head: Buffer;
  readonly #first: number;

  /** @throws {NetworkError} when there is no room for a server and a client */
  constructor(network: Network) {
    this.network = network;
    this.family = familyOfNetwork(network);
    const bytes = Buffer.from(network.bytes);
    this.#head = bytes.subarray(0, bytes.length - PLACE_BITS / 8);
    this.#first = bytes.readUInt32BE(this.#head.length);
    const hostBits = Math.min(PLACE_BITS, bytes.length * 8 - network.prefix);
    // The last address of an IPv4 network is its broadcast.
    this.places = Math.min(MOST_PLACES, 2 ** hostBits - (this.family === 4 ? 1 : 0));
    if (this.places <= FIRST_CLIENT_PLACE)
      throw new NetworkError(
        `${formatNetwork(network)} has no room for a server and clients: give a larger pool`,
      );
  }

  /** The address of a place, as a network of that one. */
  address(place: number): Network {
    const bytes = Buffer.from(this.network.bytes);
    bytes.writeUInt32BE(this.#first + place, this.#head.length);
    return { bytes, prefix: ADDRESS_BYTES[this.family] * 8 };
  }

  /** The place of the address that stands in a packet of this family at `offset`; undefined when it is in no place. */
  placeOf(packet: Buffer, offset: number): number | undefined {
    for (let at = 0; at < this.#head.length; at++) {
      if (packet[offset + at] !== this.#head[at]) return undefined;
    }
    const place = packet.readUInt32BE(offset + this.#head.length) - this.#first;
    return place >= 0 && place < this.places ? place : undefined;
  }
}
