/**
 * What the two ends of a tunnel send each other on its channel where both take trains (docs/protocol.md, section 9): values in,
 * bytes out, and back. A packet goes as it is: the first four bits of IP are 4 or 6, which no other kind begins with.
 */

import { MAX_UDP_PAYLOAD_BYTES } from '../net/link/udp-packet.ts';
import { familyOf } from './packet.ts';
import type { Train } from './train.ts';
import { isCuttable, LEAST_SEGMENT_BYTES, tcpPartsOf } from './tun/tcp-packet.ts';

const Kind = { trains: 1, mark: 2, report: 3 } as const;

/** Kind and number before the first train, and before each one its length (u16) and its segment (u16). */
export const TRAINS_HEAD_BYTES = 5;
const HEAD_BYTES = 4;
/** A link takes what is longer than a packet of UDP in line with all else that is: trains do not overtake each other. */
export const LEAST_TRAINS_BYTES = MAX_UDP_PAYLOAD_BYTES + 1;

const MARK_BYTES = 5;
const REPORT_BYTES = 17;

/** What one end has sent so far; the other is to answer with a {@link Report}. Numbers count on from 2^32 − 1 to 0. */
export interface Mark {
  /** Datagrams other than trains, this one among them. */
  sent: number;
}

/** What had come of the other end when its mark came. */
export interface Report {
  /** As in the mark. */
  sent: number;
  /** Datagrams other than trains, the mark among them. */
  received: number;
  /** Of datagrams with trains, the number behind the greatest that has come, and how many have come. */
  nextTrains: number;
  trains: number;
}

export type Datagram =
  | { kind: 'packet'; packet: Buffer }
  | { kind: 'trains'; number: number; trains: Train[] }
  | ({ kind: 'mark' } & Mark)
  | ({ kind: 'report' } & Report);

/** Bytes that a train, or a packet among them, takes in a datagram. */
export function costOf({ packet }: Train): number {
  return HEAD_BYTES + packet.length;
}

/**
 * @param number counts such datagrams, from 0 on and from 2^32 − 1 to 0
 * @param trains which have room in a datagram, with {@link TRAINS_HEAD_BYTES}; their own memory may become that of the datagram
 */
export function encodeTrains(number: number, trains: readonly Train[]): Buffer {
  let bytes = TRAINS_HEAD_BYTES;
  for (const train of trains) bytes += costOf(train);
  const [first] = trains;
  const inPlace =
    trains.length === 1 && first !== undefined && bytes >= LEAST_TRAINS_BYTES && inItsRoom(first);
  const datagram = inPlace || Buffer.allocUnsafe(Math.max(bytes, LEAST_TRAINS_BYTES));
  datagram[0] = Kind.trains;
  datagram.writeUInt32BE(number, 1);
  let at = TRAINS_HEAD_BYTES;
  for (const { packet, segment } of trains) {
    at = datagram.writeUInt16BE(packet.length, at);
    at = datagram.writeUInt16BE(segment, at);
    at += inPlace ? packet.length : packet.copy(datagram, at);
  }
  datagram.fill(0, at);
  return datagram;
}

/** The memory of a datagram of which the train is the end already; most are such. @returns false when it has too little room */
function inItsRoom({ packet, room = 0 }: Train): Buffer | false {
  const head = TRAINS_HEAD_BYTES + HEAD_BYTES;
  return room >= head && Buffer.from(packet.buffer, packet.byteOffset - head, head + packet.length);
}

export function encodeMark({ sent }: Mark): Buffer {
  const datagram = Buffer.allocUnsafe(MARK_BYTES);
  datagram[0] = Kind.mark;
  datagram.writeUInt32BE(sent, 1);
  return datagram;
}

export function encodeReport({ sent, received, nextTrains, trains }: Report): Buffer {
  const datagram = Buffer.allocUnsafe(REPORT_BYTES);
  datagram[0] = Kind.report;
  datagram.writeUInt32BE(sent, 1);
  datagram.writeUInt32BE(received, 5);
  datagram.writeUInt32BE(nextTrains, 9);
  datagram.writeUInt32BE(trains, 13);
  return datagram;
}

/**
 * Of packets, also in trains, it is known that they are whole, of trains that they can be cut: everything that the kernel is told
 * of them is read from them.
 * @returns undefined for what the other end should not have sent
 */
export function readDatagram(datagram: Buffer): Datagram | undefined {
  switch (datagram[0]) {
    case Kind.trains:
      return readTrains(datagram);
    case Kind.mark:
      return datagram.length === MARK_BYTES ? { kind: 'mark', sent: datagram.readUInt32BE(1) } : undefined;
    case Kind.report:
      return datagram.length === REPORT_BYTES ? readReport(datagram) : undefined;
    default:
      return familyOf(datagram) === undefined ? undefined : { kind: 'packet', packet: datagram };
  }
}

function readReport(datagram: Buffer): Datagram {
  return {
    kind: 'report',
    sent: datagram.readUInt32BE(1),
    received: datagram.readUInt32BE(5),
    nextTrains: datagram.readUInt32BE(9),
    trains: datagram.readUInt32BE(13),
  };
}

/** All of them before one counts. */
function readTrains(datagram: Buffer): Datagram | undefined {
  const trains: Train[] = [];
  let at = TRAINS_HEAD_BYTES;
  while (at + HEAD_BYTES <= datagram.length) {
    const length = datagram.readUInt16BE(at);
    const segment = datagram.readUInt16BE(at + 2);
    // What fills the datagram up.
    if (length === 0) break;
    const end = at + HEAD_BYTES + length;
    if (end > datagram.length) return undefined;
    const packet = datagram.subarray(at + HEAD_BYTES, end);
    if (!isTrain(packet, segment)) return undefined;
    trains.push({ packet, segment });
    at = end;
  }
  return trains.length === 0 ? undefined : { kind: 'trains', number: datagram.readUInt32BE(1), trains };
}

function isTrain(packet: Buffer, segment: number): boolean {
  const family = familyOf(packet);
  if (family === undefined || segment === 0) return family !== undefined;
  const parts = tcpPartsOf(packet, family);
  return parts !== undefined && segment >= LEAST_SEGMENT_BYTES && isCuttable(packet, parts, segment);
}
