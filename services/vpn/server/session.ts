import type { MeshChannel, MeshStream } from '../../mesh/types.ts';
import type { Family } from '../networks.ts';
import { DESTINATION_AT, familyOf, SOURCE_AT } from '../packet.ts';
import { SERVER_PLACE } from '../pool.ts';
import type { Train } from '../train.ts';
import { TrainChannel } from '../train-channel.ts';

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
  toKernel(train: Train): void;
  /** Called once a session. */
  onSpoofing(session: Session): void;
  /** @returns false when the client may not be spoken to, or is not there */
  toClient(place: number, train: Train): boolean;
  /** More can be sent to a client, or it has gone. */
  onDrain(): void;
}

/** One client: a stream that stands for as long as the client is served, and a channel for its packets. */
export class Session {
  readonly place: number;
  readonly stream: MeshStream;
  readonly #takesTrains: boolean;
  #channel: TrainChannel | undefined;
  #spoofed = false;

  constructor(place: number, stream: MeshStream, takesTrains: boolean) {
    this.place = place;
    this.stream = stream;
    this.#takesTrains = takesTrains;
  }

  get ready(): boolean {
    return this.#channel !== undefined;
  }

  /** From now on packets flow; a second channel takes the place of the first. */
  open(channel: MeshChannel, ways: Ways, refusals: Refusals): void {
    this.#channel?.close('another channel took its place');
    const fresh = new TrainChannel(channel, this.#takesTrains, {
      onTrain: (train) => this.#receive(train, ways, refusals),
      onMalformed: () => refusals.malformed++,
    });
    this.#channel = fresh;
    channel.on('drain', () => ways.onDrain());
    channel.once('close', () => {
      if (this.#channel === fresh) this.#channel = undefined;
      ways.onDrain();
    });
  }

  /** What is for the client; dropped where there is no room. */
  send(trains: readonly Train[]): void {
    this.#channel?.send(trains);
  }

  /** The node does not keep up with what is sent. */
  get isFull(): boolean {
    return this.#channel?.isFull === true;
  }

  end(reason: string): void {
    this.#channel?.close(reason);
    this.#channel = undefined;
    this.stream.destroy();
  }

  #receive(train: Train, ways: Ways, refusals: Refusals): void {
    const { packet } = train;
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
    if (to === undefined || to === SERVER_PLACE) ways.toKernel(train);
    else if (!ways.toClient(to, train)) refusals.isolated++;
  }
}
