import type { MeshChannel } from '../mesh/types.ts';
import {
  costOf,
  encodeMark,
  encodeReport,
  encodeTrains,
  LEAST_TRAINS_BYTES,
  readDatagram,
  TRAINS_HEAD_BYTES,
} from './datagram.ts';
import { Flows } from './flows.ts';
import { familyOf } from './packet.ts';
import type { Train } from './train.ts';
import { packetsOf, shortened } from './tun/segment.ts';
import { isCuttable, isPlainAck, LEAST_SEGMENT_BYTES, type TcpParts, tcpPartsOf } from './tun/tcp-packet.ts';
import { Way } from './way.ts';

export interface TrainChannelEvents {
  /** A whole packet with any content, or a train that can be cut. */
  onTrain(train: Train): void;
  /** Something else has come. */
  onMalformed(): void;
}

/**
 * One end of a tunnel's channel. Where the other end takes trains and the way to it loses nothing, trains go as they are, and
 * packets of the same connections in line behind them; everything else goes packet by packet.
 */
export class TrainChannel {
  readonly #channel: MeshChannel;
  readonly #events: TrainChannelEvents;
  /** Undefined when the other end knows of packets only. */
  readonly #way: Way | undefined;
  readonly #flows = new Flows();

  /** @param takesTrains both ends have said so */
  constructor(channel: MeshChannel, takesTrains: boolean, events: TrainChannelEvents) {
    this.#channel = channel;
    this.#events = events;
    this.#way = takesTrains && channel.maxBytes > LEAST_TRAINS_BYTES ? new Way() : undefined;
    channel.on('message', (datagram) => this.#receive(datagram));
  }

  /** Sends packets and trains, or drops them where there is no room. */
  send(trains: readonly Train[]): void {
    const way = this.#way;
    if (way === undefined) {
      this.#channel.send(trains.flatMap(packetsOf));
      return;
    }
    const now = performance.now();
    const single: Buffer[] = [];
    const lined: Train[] = [];
    for (const train of trains) {
      const isLined = way.isClear && this.#goesInLine(train, now, lined);
      if (!isLined) single.push(...packetsOf(train));
    }
    way.sends(single.length - this.#channel.send(single));
    for (const together of this.#pack(lined)) this.#sendTrains(way, together, now);
    const mark = way.mark(now);
    if (mark !== undefined) way.sends(1 - this.#channel.send([encodeMark(mark)]));
  }

  /** Much waits to be sent: more can be dropped. */
  get isFull(): boolean {
    return this.#channel.isFull;
  }

  close(reason: string): void {
    this.#channel.close(reason);
  }

  /** @returns false for what goes by itself */
  #goesInLine(train: Train, now: number, into: Train[]): boolean {
    const { packet, segment } = train;
    const parts = tcpPartsOf(packet, familyOf(packet));
    if (parts === undefined) return false;
    if (segment === 0) {
      // What has arrived may be told out of order.
      if (isPlainAck(packet, parts) || !this.#flows.areUnderWay(packet, parts, now)) return false;
      into.push(train);
      return true;
    }
    if (segment < LEAST_SEGMENT_BYTES || !isCuttable(packet, parts, segment)) return false;
    this.#flows.departs(packet, parts, now);
    into.push(...this.#fitting(train, parts));
    return true;
  }

  #fitting(train: Train, parts: TcpParts): Train[] {
    return shortened(train, parts, this.#room - costOf(train) + train.packet.length);
  }

  /** What goes in a datagram together: as few datagrams as there can be without another order. */
  #pack(trains: readonly Train[]): Train[][] {
    const all: Train[][] = [];
    let room = 0;
    for (const train of trains) {
      const cost = costOf(train);
      const last = all.at(-1);
      if (last === undefined || cost > room) {
        all.push([train]);
        room = this.#room - cost;
      } else {
        last.push(train);
        room -= cost;
      }
    }
    return all;
  }

  get #room(): number {
    return this.#channel.maxBytes - TRAINS_HEAD_BYTES;
  }

  #sendTrains(way: Way, trains: readonly Train[], now: number): void {
    const dropped = this.#channel.send([encodeTrains(way.trainsNumber, trains)]);
    if (dropped === 0) way.sendsTrains(now);
  }

  #receive(datagram: Buffer): void {
    const way = this.#way;
    if (way === undefined) {
      if (familyOf(datagram) === undefined) this.#events.onMalformed();
      else this.#events.onTrain({ packet: datagram, segment: 0 });
      return;
    }
    const read = readDatagram(datagram);
    if (read?.kind === 'trains') way.receivesTrains(read.number);
    else way.receives();
    switch (read?.kind) {
      case undefined:
        this.#events.onMalformed();
        return;
      case 'packet':
        this.#events.onTrain({ packet: read.packet, segment: 0 });
        return;
      case 'trains':
        for (const train of read.trains) this.#events.onTrain(train);
        return;
      case 'mark':
        way.sends(1 - this.#channel.send([encodeReport(way.marked(read, performance.now()))]));
        return;
      case 'report':
        way.reported(read, performance.now());
    }
  }
}
