import type { Duplex } from 'node:stream';
import { type Channel, closeTimeoutMs, defaultMaxBuffered, defaultMaxBytes } from '../../signal/channel.ts';
import type { CipherState } from '../noise/state.ts';
import { TAG_BYTES } from '../noise/suite.ts';
import { RECORD_HEAD_BYTES, RecordSplitter } from '../session/record-splitter.ts';
import type { Session } from '../session/session.ts';

export interface ControlOptions {
  /** Largest message, in bytes of UTF-8. Default 1 MiB. */
  maxBytes?: number;
  /** Unsent bytes after which the other end counts as not reading and is cut off. Default 16 MiB. */
  maxBuffered?: number;
}

/** A record that the other end cannot have sent, or not as it was agreed. */
class BadRecord extends Error {
  override readonly name = 'BadRecord';
}

/** A message a record: its length with the tag (u32), then the sealed text. The stream belongs to the channel from now on. */
export function channelOfSession(stream: Duplex, session: Session, options: ControlOptions = {}): Channel {
  const { maxBytes = defaultMaxBytes, maxBuffered = defaultMaxBuffered } = options;
  const closed = Promise.withResolvers<string>();
  const records = new RecordSplitter((head) => recordLength(head, maxBytes));
  let onMessage: (text: string) => void = () => undefined;
  let reason: string | undefined;

  const cutOff = (why: string): void => {
    reason ??= why;
    stream.destroy();
  };
  const onRecord = (record: Buffer): void => {
    if (reason === undefined) onMessage(open(session.receive, record));
  };
  stream.on('data', (chunk: Buffer) => {
    if (reason !== undefined) return;
    try {
      records.push(chunk, onRecord);
    } catch (error) {
      if (!(error instanceof BadRecord)) throw error;
      cutOff(`${session.remote}: ${error.message}`);
    }
  });
  stream.once('error', (error) => {
    reason ??= error.message;
  });
  stream.once('end', () => {
    reason ??= 'the other end closed the connection';
  });
  stream.once('close', () => closed.resolve(reason ?? 'the connection was closed'));
  if (stream.destroyed) closed.resolve(stream.errored?.message ?? 'the connection was closed');
  else stream.resume();

  return {
    send(text) {
      if (reason !== undefined || stream.destroyed) return;
      stream.write(seal(session.send, text));
      if (stream.writableLength > maxBuffered)
        cutOff(`the other end does not read: ${stream.writableLength} bytes wait`);
    },
    close(_code, why = 'closed') {
      if (reason !== undefined || stream.destroyed) return;
      reason = why;
      const timer = setTimeout(() => stream.destroy(), closeTimeoutMs);
      stream.once('close', () => clearTimeout(timer));
      stream.end(() => stream.destroy());
    },
    onMessage(callback) {
      onMessage = callback;
    },
    onClose: (callback) => void closed.promise.then(callback),
    async drained() {
      if (stream.destroyed || !stream.writableNeedDrain) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      stream.once('drain', resolve);
      await Promise.race([promise, closed.promise]);
      stream.off('drain', resolve);
    },
  };
}

function recordLength(head: Buffer, maxBytes: number): number {
  const length = head.readUInt32BE();
  if (length < TAG_BYTES) throw new BadRecord(`${length} bytes are too few for a record`);
  if (length > maxBytes + TAG_BYTES) throw new BadRecord(`a message has more than ${maxBytes} bytes`);
  return RECORD_HEAD_BYTES + length;
}

function seal(cipher: CipherState, text: string): Buffer {
  const plaintext = Buffer.from(text);
  const head = Buffer.alloc(RECORD_HEAD_BYTES);
  head.writeUInt32BE(plaintext.length + TAG_BYTES);
  return Buffer.concat([head, cipher.seal(head, plaintext)]);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @throws {BadRecord} */
function open(cipher: CipherState, record: Buffer): string {
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
