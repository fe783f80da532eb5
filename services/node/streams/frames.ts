/** Frames of streams in the records of a circuit (docs/protocol.md, section 5). */
import { wordOf } from '../../net/control/messages.ts';
import { fail, shape } from '../../signal/shape.ts';
import { CircuitViolation } from '../circuit/messages.ts';

export const StreamFrame = { open: 1, accept: 2, refuse: 3, data: 4, window: 5, fin: 6, reset: 7 } as const;
export type StreamFrameType = (typeof StreamFrame)[keyof typeof StreamFrame];

/** Type, stream and length. */
export const FRAME_HEAD_BYTES = 8;
/** Most payload of DATA. */
export const MAX_DATA_BYTES = 196_608;
/** Most payload of any other frame. */
const MAX_TEXT_BYTES = 1_024;

export interface Frame {
  type: StreamFrameType;
  stream: number;
  payload: Buffer;
}

export function encodeFrameHead(type: StreamFrameType, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head[0] = type;
  head.writeUInt32BE(stream, 1);
  head.writeUIntBE(length, 5, 3);
  return head;
}

/** @returns a frame whose text is cut where it is too long */
export function encodeText(type: StreamFrameType, stream: number, text: string): Buffer {
  const payload = cut(Buffer.from(text));
  return Buffer.concat([encodeFrameHead(type, stream, payload.length), payload]);
}

export function encodeWindow(stream: number, bytes: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + 4);
  encodeFrameHead(StreamFrame.window, stream, 4).copy(frame);
  frame.writeUInt32BE(bytes, FRAME_HEAD_BYTES);
  return frame;
}

/** Cuts a record's plaintext into frames; their payloads are slices of it. @throws {CircuitViolation} */
export function readFrames(plaintext: Buffer): Frame[] {
  const frames: Frame[] = [];
  let at = 0;
  while (at < plaintext.length) {
    if (plaintext.length - at < FRAME_HEAD_BYTES) throw new CircuitViolation('a frame was cut off');
    const type = typeOf(plaintext[at] as number);
    const length = plaintext.readUIntBE(at + 5, 3);
    const end = at + FRAME_HEAD_BYTES + length;
    if (end > plaintext.length || length > longest(type))
      throw new CircuitViolation(`a frame of type ${type} with ${length} bytes`);
    const payload = plaintext.subarray(at + FRAME_HEAD_BYTES, end);
    frames.push({ type, stream: plaintext.readUInt32BE(at + 1), payload });
    at = end;
  }
  return frames;
}

/** At most as long as a text may be, and not within a letter. */
function cut(text: Buffer): Buffer {
  let end = MAX_TEXT_BYTES;
  while (((text[end] ?? 0) & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}

const TYPES: readonly StreamFrameType[] = Object.values(StreamFrame);

function typeOf(byte: number): StreamFrameType {
  const type = TYPES.find((each) => each === byte);
  if (type === undefined) throw new CircuitViolation(`a frame of the unknown type ${byte}`);
  return type;
}

function longest(type: StreamFrameType): number {
  if (type === StreamFrame.data) return MAX_DATA_BYTES;
  return type === StreamFrame.window ? 4 : MAX_TEXT_BYTES;
}

/** What an OPEN asks for. */
export interface Opening {
  app: string;
  from: string;
  kind: 'stream' | 'channel';
}

const openingShape = shape((fields): Opening => {
  const { kind } = fields;
  if (kind !== 'stream' && kind !== 'channel') fail('kind', 'stream or channel');
  return { app: wordOf(fields, 'app'), from: wordOf(fields, 'from'), kind };
});

/** Reads the payload of an OPEN. @throws {CircuitViolation} */
export function readOpening(payload: Buffer): Opening {
  try {
    return openingShape.parse(JSON.parse(payload.toString()));
  } catch (cause) {
    throw new CircuitViolation('a stream is opened to nothing that is understood', { cause });
  }
}
