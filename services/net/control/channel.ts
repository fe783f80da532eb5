import type { Duplex } from 'node:stream';
import { type Channel, closeTimeoutMs, defaultMaxBuffered, defaultMaxBytes } from '../../signal/channel.ts';
import { RecordSplitter } from '../session/record-splitter.ts';
import type { Session } from '../session/session.ts';
import { BadRecord, openRecord, recordLength, sealRecord } from './records.ts';

export interface ControlOptions {
  /** Largest message, in bytes of UTF-8. Default 1 MiB. */
  maxBytes?: number;
  /** Unsent bytes after which the other end counts as not reading and is cut off. Default 16 MiB. */
  maxBuffered?: number;
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
    if (reason === undefined) onMessage(openRecord(session.receive, record));
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
      stream.write(sealRecord(session.send, text));
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
