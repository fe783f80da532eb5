import type { CipherState } from '../noise/state.ts';
import { TAG_BYTES } from '../noise/suite.ts';
import { RECORD_HEAD_BYTES } from '../session/record-splitter.ts';
import type { Read } from '../session/stream.ts';

/** A record that the other end cannot have sent, or not as it was agreed. */
export class BadRecord extends Error {
  override readonly name = 'BadRecord';
}

/** @returns bytes of the record that begins with `head`, the head among them. @throws {BadRecord} */
export function recordLength(head: Buffer, maxBytes: number): number {
  const length = head.readUInt32BE();
  if (length < TAG_BYTES) throw new BadRecord(`${length} bytes are too few for a record`);
  if (length > maxBytes + TAG_BYTES) throw new BadRecord(`a message has more than ${maxBytes} bytes`);
  return RECORD_HEAD_BYTES + length;
}

/** A text as a record: its length with the tag (u32), then the text, sealed. */
export function sealRecord(cipher: CipherState, text: string): Buffer {
  const plaintext = Buffer.from(text);
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt32BE(plaintext.length + TAG_BYTES);
  return Buffer.concat([head, cipher.seal(head, plaintext)]);
}

/** Reads a record that comes before anybody else reads the stream. @throws {BadRecord}, or what `read` throws */
export async function readRecord(read: Read, cipher: CipherState, maxBytes: number): Promise<string> {
  const head = await read(RECORD_HEAD_BYTES);
  const rest = await read(recordLength(head, maxBytes) - RECORD_HEAD_BYTES);
  return openRecord(cipher, Buffer.concat([head, rest]));
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @param record with its head. @throws {BadRecord} */
export function openRecord(cipher: CipherState, record: Buffer): string {
  const sealed = record.subarray(RECORD_HEAD_BYTES);
  let plaintext: Buffer;
  try {
    plaintext = cipher.open(record.subarray(0, RECORD_HEAD_BYTES), sealed);
  } catch (cause) {
    throw new BadRecord('a message was changed on its way', { cause });
  }
  try {
    return decoder.decode(plaintext);
  } catch (cause) {
    throw new BadRecord('a message is not UTF-8', { cause });
  }
}
