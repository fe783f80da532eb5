import { MAX_SESSION_MESSAGE_BYTES } from '../session/messages.ts';

/** Types of frames (section 2.2 of `docs/protocol.md`). */
export const FrameType = {
  data: 1,
  credit: 2,
  datagram: 3,
  down: 4,
  ping: 5,
  pong: 6,
  rekey: 7,
  switch: 8,
  udp: 9,
} as const;

/** Bytes of a frame's header: type (u8), length of the payload (u24), label (u32). */
export const HEADER_BYTES = 8;
/** Most bytes of payload in a DATA or DATAGRAM frame: a message of a circuit. */
export const MAX_FRAME_BYTES = 200_000;
/** Bytes of what a PING carries, and its PONG. */
export const PING_BYTES = 8;
/** Bytes of what a UDP frame carries: port (u16), number (u32). */
export const UDP_BYTES = 6;

/** Something that a neighbour which follows the protocol does not send. The link is over then. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame';
}

/** What a frame of each type may carry: fewest and most bytes of payload, and whether it has a label. */
const shapes: readonly ({ least: number; most: number; labelled: boolean } | undefined)[] = [
  undefined,
  { least: 0, most: MAX_FRAME_BYTES, labelled: true },
  { least: 4, most: 4, labelled: true },
  { least: 0, most: MAX_FRAME_BYTES, labelled: true },
  { least: 0, most: 0, labelled: true },
  { least: PING_BYTES, most: PING_BYTES, labelled: false },
  { least: PING_BYTES, most: PING_BYTES, labelled: false },
  { least: 2, most: 2 + MAX_SESSION_MESSAGE_BYTES, labelled: false },
  { least: 0, most: 0, labelled: false },
  { least: UDP_BYTES, most: UDP_BYTES, labelled: false },
];

/** @throws {BadFrame} when there are no frames with such a header */
export function checkHeader(type: number, label: number, bytes: number): void {
  const shape = shapes[type];
  if (shape === undefined) throw new BadFrame(`a frame of type ${type}, which does not exist`);
  if (bytes < shape.least || bytes > shape.most)
    throw new BadFrame(`a frame of type ${type} with ${bytes} bytes`);
  if (label !== 0 && !shape.labelled) throw new BadFrame(`a frame of type ${type} with label ${label}`);
}
