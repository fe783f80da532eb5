import type { CipherState } from '../noise/state.ts';
import { ForgedRecord, TAG_BYTES } from '../noise/suite.ts';
import { RECORD_HEAD_BYTES, RecordSplitter } from '../session/record-splitter.ts';
import { BadFrame, checkHeader, HEADER_BYTES } from './frames.ts';

/** Most bytes of payload in a record. */
export const MAX_RECORD_PAYLOAD_BYTES = 262_144;

/** A frame that has arrived. */
export type TakeFrame = (type: number, label: number, payload: Buffer) => void;

/** Opens the records of a link (section 2.1). Payloads are slices of what was read. */
export class RecordReader {
  /** Of the records to come; a new one counts from the next record on. */
  cipher: CipherState;
  readonly #splitter = new RecordSplitter(lengthOfRecord);
  readonly #take: TakeFrame;
  readonly #open = (record: Buffer): void => this.#openRecord(record);
  #stopped = false;

  constructor(cipher: CipherState, take: TakeFrame) {
    this.cipher = cipher;
    this.#take = take;
  }

  /** Gives each frame of the records that are complete now to `take`. @throws {BadFrame} */
  push(chunk: Buffer): void {
    this.#splitter.push(chunk, this.#open);
  }

  /** Nothing is given to `take` any more. */
  stop(): void {
    this.#stopped = true;
  }

  #openRecord(record: Buffer): void {
    if (this.#stopped) return;
    const headersEnd = RECORD_HEAD_BYTES + record.readUInt8() * HEADER_BYTES + TAG_BYTES;
    const payload = record.subarray(headersEnd);
    const headers = openHeaders(this.cipher, record, headersEnd, payload);
    checkHeaders(headers, payload.length);
    let at = 0;
    for (let header = 0; header < headers.length && !this.#stopped; header += HEADER_BYTES) {
      const start = at;
      at += headers.readUIntBE(header + 1, 3);
      this.#take(headers.readUInt8(header), headers.readUInt32BE(header + 4), payload.subarray(start, at));
    }
  }
}

/** Bytes of the record with this head. @throws {BadFrame} */
function lengthOfRecord(head: Buffer): number {
  const frames = head.readUInt8();
  const payload = head.readUIntBE(1, 3);
  if (frames === 0) throw new BadFrame('a record without frames');
  if (payload > MAX_RECORD_PAYLOAD_BYTES) throw new BadFrame(`a record with ${payload} bytes`);
  return RECORD_HEAD_BYTES + frames * HEADER_BYTES + TAG_BYTES + payload;
}

function openHeaders(cipher: CipherState, record: Buffer, headersEnd: number, payload: Buffer): Buffer {
  const head = record.subarray(0, RECORD_HEAD_BYTES);
  try {
    return cipher.open(
      payload.length === 0 ? head : [head, payload],
      record.subarray(RECORD_HEAD_BYTES, headersEnd),
    );
  } catch (cause) {
    if (!(cause instanceof ForgedRecord)) throw cause;
    throw new BadFrame('a record that was changed on its way', { cause });
  }
}

/** All of them before one is acted on. @throws {BadFrame} */
function checkHeaders(headers: Buffer, payloadBytes: number): void {
  let sum = 0;
  for (let header = 0; header < headers.length; header += HEADER_BYTES) {
    const bytes = headers.readUIntBE(header + 1, 3);
    checkHeader(headers.readUInt8(header), headers.readUInt32BE(header + 4), bytes);
    sum += bytes;
  }
  if (sum !== payloadBytes) throw new BadFrame(`frames of ${sum} bytes in a record with ${payloadBytes}`);
}
