import type { CipherState } from '../noise/state.ts';
import { TAG_BYTES } from '../noise/suite.ts';
import { RECORD_HEAD_BYTES } from '../session/record-splitter.ts';
import { HEADER_BYTES } from './frames.ts';

/** Bytes of payload after which no frame is added to a record; a record with one frame may have more. */
const batchBytes = 256 * 1024;
/** Most frames of a record. */
const batchFrames = 255;
/** A shorter part is copied into one block with its neighbours: that costs less than writing it on its own. */
const copiedBytes = 4 * 1024;

/** Collects frames and seals them as one record (section 2.1). Parts are not copied where they are large. */
export class RecordWriter {
  readonly #headers = Buffer.allocUnsafe(batchFrames * HEADER_BYTES);
  readonly #parts: Buffer[] = [];
  #frames = 0;
  #bytes = 0;
  /** Of these, in parts that will be copied. */
  #copied = 0;

  get empty(): boolean {
    return this.#frames === 0;
  }

  /** Bytes of payload in the frames so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more frame of this size still belongs into this record. */
  fits(bytes: number): boolean {
    return this.#frames === 0 || (this.#frames < batchFrames && this.#bytes + bytes <= batchBytes);
  }

  /** `bytes` is the length of all parts, which must not change until the record was taken by the stream. */
  add(type: number, label: number, parts: readonly Buffer[], bytes: number): void {
    const at = this.#frames * HEADER_BYTES;
    this.#headers.writeUInt32BE(type * 2 ** 24 + bytes, at);
    this.#headers.writeUInt32BE(label, at + 4);
    for (const part of parts) {
      this.#parts.push(part);
      if (part.length < copiedBytes) this.#copied += part.length;
    }
    this.#frames++;
    this.#bytes += bytes;
  }

  /** Seals what was added, which must not be nothing, and starts anew. @returns the record, in pieces */
  take(cipher: CipherState): Buffer[] {
    const sealedEnd = RECORD_HEAD_BYTES + this.#frames * HEADER_BYTES + TAG_BYTES;
    const block = Buffer.allocUnsafe(sealedEnd + this.#copied);
    block.writeUInt32BE(this.#frames * 2 ** 24 + this.#bytes);
    const payload = this.#gather(block, sealedEnd);
    const additional = [block.subarray(0, RECORD_HEAD_BYTES), ...payload];
    const headers = this.#headers.subarray(0, this.#frames * HEADER_BYTES);
    cipher.seal(additional, headers).copy(block, RECORD_HEAD_BYTES);
    this.#parts.length = 0;
    this.#frames = 0;
    this.#bytes = 0;
    this.#copied = 0;
    return [block.subarray(0, sealedEnd), ...payload];
  }

  /** Copies the small parts into `block`, from `start` on. @returns the payload: large parts, and what lies between them */
  #gather(block: Buffer, start: number): Buffer[] {
    const pieces: Buffer[] = [];
    let from = start;
    let end = start;
    for (const part of this.#parts) {
      if (part.length < copiedBytes) {
        end += part.copy(block, end);
        continue;
      }
      if (end > from) pieces.push(block.subarray(from, end));
      pieces.push(part);
      from = end;
    }
    if (end > from) pieces.push(block.subarray(from, end));
    return pieces;
  }
}
