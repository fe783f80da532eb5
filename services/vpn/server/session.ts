import type { MeshChannel, MeshStream } from '../../mesh/types.ts';
import type { Family } from '../networks.ts';
import { DESTINATION_AT, familyOf, SOURCE_AT } from '../packet.ts';
import { SERVER_PLACE } from '../pool.ts';

/** Packets of clients that went nowhere, by why. */
export interface Refusals {
  /** Not a whole IP packet, or of a family without a pool. */
  malformed: number;
  /** From another address than the client's own. */
  spoofed: number;
  /** To another client, and clients are kept apart; or to an address of the pool that nobody has. */
  isolated: number;
}

/** Where packets of a client go. */
export interface Ways {
  /** The place of an address that stands in a packet at `offset`; undefined when it is in no pool. */
  placeOf(family: Family, packet: Buffer, offset: number): number | undefined;
  hasPool(family: Family): boolean;
  toKernel(packet: Buffer): void;
  /** Called once a session. */
  onSpoofing(session: Session): void;
  /** @returns false when the client may not be spoken to, or is not there */
  toClient(place: number, packet: Buffer): boolean;
}

/** One client: a stream that stands for as long as the client is served, and a channel for its packets. */
export class Session {
  readonly place: number;
  readonly stream: MeshStream;
  #channel: MeshChannel | undefined;
  #spoofed = false;

  constructor(place: number, stream: MeshStream) {
    this.place = place;
    this.stream = stream;
  }

  get ready(): boolean {
    return this.#channel !== undefined;
  }

  /** From now on packets flow; a second channel takes the place of the first. */
  open(channel: MeshChannel, ways: Ways, refusals: Refusals): void {
    this.#channel?.close('another channel took its place');
    this.#channel = channel;
    channel.on('message', (packet) => this.#receive(packet, ways, refusals));
    channel.once('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
  }

  /** Packets for the client; those that do not fit are dropped by the channel. */
  send(packets: readonly Buffer[]): void {
    this.#channel?.send(packets);
  }

  end(reason: string): void {
    this.#channel?.close(reason);
    this.#channel = undefined;
    this.stream.destroy();
  }

  #receive(packet: Buffer, ways: Ways, refusals: Refusals): void {
    const family = familyOf(packet);
    if (family === undefined || !ways.hasPool(family)) {
      refusals.malformed++;
      return;
    }
    if (ways.placeOf(family, packet, SOURCE_AT[family]) !== this.place) {
      refusals.spoofed++;
      if (!this.#spoofed) ways.onSpoofing(this);
      this.#spoofed = true;
      return;
    }
    const to = ways.placeOf(family, packet, DESTINATION_AT[family]);
    if (to === undefined || to === SERVER_PLACE) ways.toKernel(packet);
    else if (!ways.toClient(to, packet)) refusals.isolated++;
  }
}
