/** Messages of a circuit (docs/protocol.md, section 4): values in, bytes out, and back. */

export const MessageType = { handshake: 1, record: 2, note: 3, lost: 4 } as const;
export type SealedType = typeof MessageType.record | typeof MessageType.note;

/** Type, epoch and number before what is sealed. */
export const HEAD_BYTES = 10;
/** Type, epoch and step before a message of a handshake. */
export const HANDSHAKE_HEAD_BYTES = 3;

/** The other end of a circuit says what it cannot say. The circuit is over. */
export class CircuitViolation extends Error {
  override readonly name = 'CircuitViolation';
}

export interface Head {
  epoch: number;
  number: number;
}

export function encodeHead(type: SealedType, epoch: number, number: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head[0] = type;
  head[1] = epoch;
  writeNumber(head, number, 2);
  return head;
}

/** @returns undefined when the message is too short for one */
export function readHead(message: Buffer): Head | undefined {
  if (message.length < HEAD_BYTES) return undefined;
  const number = readNumber(message, 2);
  return number === undefined ? undefined : { epoch: message[1] as number, number };
}

/** Which message of which handshake. */
export interface Step {
  epoch: number;
  /** 1 to 3. */
  step: number;
  content: Buffer;
}

export function encodeStep({ epoch, step, content }: Step): Buffer[] {
  return [Buffer.of(MessageType.handshake, epoch, step), content];
}

/** @returns undefined when the message is too short for one */
export function readStep(message: Buffer): Step | undefined {
  if (message.length <= HANDSHAKE_HEAD_BYTES) return undefined;
  const content = message.subarray(HANDSHAKE_HEAD_BYTES);
  return { epoch: message[1] as number, step: message[2] as number, content };
}

export const LOST = Buffer.of(MessageType.lost);

/** Records that came after one that has not: from the first on, so many. */
export interface Range {
  first: number;
  length: number;
}

export type Note =
  | { kind: 'ack'; next: number; takes: number; ranges: Range[] }
  | { kind: 'probe' | 'echo'; path: number; id: number }
  | { kind: 'datagrams'; channel: number; payloads: Buffer[] }
  | { kind: 'close'; reason: string };

const NoteType = { ack: 1, probe: 2, echo: 3, datagrams: 4, close: 5 } as const;

/** Most ranges in one acknowledgement. */
export const MAX_RANGES = 255;
const ACK_BYTES = 14;
const RANGE_BYTES = 12;
const PROBE_BYTES = 9;
/** Type and channel. */
export const DATAGRAMS_HEAD_BYTES = 5;
/** Most bytes of datagrams that are copied to be one piece. */
const MAX_COPIED_DATAGRAMS = 2_048;
/** Longest reason of a close, in UTF-16 units. */
const MAX_REASON = 500;

export function encodeAck(next: number, takes: number, ranges: readonly Range[]): Buffer {
  const note = Buffer.allocUnsafe(ACK_BYTES + RANGE_BYTES * ranges.length);
  note[0] = NoteType.ack;
  writeNumber(note, next, 1);
  note.writeUInt32BE(takes, 9);
  note[13] = ranges.length;
  for (const [index, { first, length }] of ranges.entries()) {
    const at = ACK_BYTES + RANGE_BYTES * index;
    writeNumber(note, first, at);
    note.writeUInt32BE(length, at + 8);
  }
  return note;
}

export function encodeProbe(kind: 'probe' | 'echo', path: number, id: number): Buffer {
  const note = Buffer.allocUnsafe(PROBE_BYTES);
  note[0] = NoteType[kind];
  note.writeUInt32BE(path, 1);
  note.writeUInt32BE(id, 5);
  return note;
}

/** Datagrams for one channel, in pieces; each may have up to 65,535 bytes. Short ones are copied: a cipher takes its time for a piece. */
export function encodeDatagrams(channel: number, payloads: readonly Buffer[]): Buffer[] {
  const heads = Buffer.allocUnsafe(DATAGRAMS_HEAD_BYTES + 2 * payloads.length);
  heads[0] = NoteType.datagrams;
  heads.writeUInt32BE(channel, 1);
  const pieces: Buffer[] = [];
  let bytes = 0;
  let from = 0;
  let to = DATAGRAMS_HEAD_BYTES;
  for (const payload of payloads) {
    to = heads.writeUInt16BE(payload.length, to);
    pieces.push(heads.subarray(from, to), payload);
    bytes += payload.length;
    from = to;
  }
  if (to > from) pieces.push(heads);
  return bytes <= MAX_COPIED_DATAGRAMS ? [Buffer.concat(pieces)] : pieces;
}

export function encodeClose(reason: string): Buffer {
  return Buffer.from(`${String.fromCharCode(NoteType.close)}${reason.slice(0, MAX_REASON)}`);
}

/** @param note what was sealed, so the other end's own @throws {CircuitViolation} */
export function readNote(note: Buffer): Note {
  switch (note[0]) {
    case NoteType.ack:
      return readAck(note);
    case NoteType.probe:
    case NoteType.echo: {
      if (note.length !== PROBE_BYTES) throw new CircuitViolation(`a probe of ${note.length} bytes`);
      const kind = note[0] === NoteType.probe ? 'probe' : 'echo';
      return { kind, path: note.readUInt32BE(1), id: note.readUInt32BE(5) };
    }
    case NoteType.datagrams:
      return readDatagrams(note);
    case NoteType.close:
      return { kind: 'close', reason: note.toString('utf8', 1, 1 + 4 * MAX_REASON) };
    default:
      throw new CircuitViolation(`a note of the unknown type ${note[0] ?? '(none)'}`);
  }
}

function readAck(note: Buffer): Note {
  const count = note[13] ?? 0;
  const next = note.length >= ACK_BYTES ? readNumber(note, 1) : undefined;
  if (next === undefined || note.length !== ACK_BYTES + RANGE_BYTES * count)
    throw new CircuitViolation(`an acknowledgement of ${note.length} bytes`);
  const ranges = Array.from({ length: count }, (_, index): Range => {
    const at = ACK_BYTES + RANGE_BYTES * index;
    const first = readNumber(note, at);
    if (first === undefined) throw new CircuitViolation('an acknowledgement of a number that is too large');
    return { first, length: note.readUInt32BE(at + 8) };
  });
  return { kind: 'ack', next, takes: note.readUInt32BE(9), ranges };
}

function readDatagrams(note: Buffer): Note {
  const payloads: Buffer[] = [];
  let at = DATAGRAMS_HEAD_BYTES;
  while (at + 2 <= note.length) {
    const end = at + 2 + note.readUInt16BE(at);
    if (end > note.length) break;
    payloads.push(note.subarray(at + 2, end));
    at = end;
  }
  if (at !== note.length) throw new CircuitViolation('datagrams that were cut off');
  return { kind: 'datagrams', channel: note.readUInt32BE(1), payloads };
}

/** 64 bits, the greatest byte first, of which 53 are used. */
function writeNumber(into: Buffer, number: number, at: number): void {
  into.writeUInt32BE(Math.floor(number / 2 ** 32), at);
  into.writeUInt32BE(number >>> 0, at + 4);
}

/** @returns undefined when it is too large for a nonce of it to be exact */
function readNumber(from: Buffer, at: number): number | undefined {
  const high = from.readUInt32BE(at);
  return high < 2 ** 20 ? high * 2 ** 32 + from.readUInt32BE(at + 4) : undefined;
}
