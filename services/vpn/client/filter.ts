import { contains, type IpBytes, type Network } from '../../net/ip.ts';
import { ADDRESS_BYTES } from '../networks.ts';
import { DESTINATION_AT, familyOf, SOURCE_AT } from '../packet.ts';

/** Which packets a client takes from its server: those to its own addresses, from what it reaches through the tunnel. */
export class InboundFilter {
  readonly #own: readonly IpBytes[];
  readonly #from: readonly Network[];

  constructor(addresses: readonly Network[], routes: readonly Network[]) {
    this.#own = addresses.map(({ bytes }) => bytes);
    // The widest first: it is the likeliest.
    this.#from = routes.toSorted((one, other) => one.prefix - other.prefix);
  }

  takes(packet: Buffer): boolean {
    const family = familyOf(packet);
    if (family === undefined) return false;
    const length = ADDRESS_BYTES[family];
    const to = packet.subarray(DESTINATION_AT[family], DESTINATION_AT[family] + length);
    if (!this.#own.some((address) => to.equals(address))) return false;
    const from = packet.subarray(SOURCE_AT[family], SOURCE_AT[family] + length);
    return this.#from.some((network) => contains(network, from));
  }
}
