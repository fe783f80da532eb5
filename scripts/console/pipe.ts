import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { ImageError } from '../../image/error.ts';
import type { Board } from './board.ts';
import { harmless } from './harmless.ts';

export interface PipeOptions {
  board: Board;
  /** Changes what goes to the board. */
  mapInput: (bytes: Buffer) => Buffer;
  input: Readable;
  output: Writable;
  /** Gets what this program says. */
  messages: Writable;
  /** How long the board has to be quiet after the end of the input, in milliseconds. */
  quietMs: number;
  signal: AbortSignal;
}

/**
 * Sends an input that is no terminal to a board, and shows what the board says. Ends when the input has ended, all of
 * it went down the line, and the board has said nothing for a while.
 *
 * @throws {ImageError} when the line is gone before, or the signal is aborted
 */
export async function pipe(options: PipeOptions): Promise<void> {
  const { board, output, messages, signal } = options;
  const over = new AbortController();
  const connected = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  const quiet = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;
  const interrupted = () => failed.reject(new ImageError(`${board.label}: interrupted`));
  // A reader that has had enough is no mistake of the board's, but nothing is left to be done.
  const onOutputError = (error: Error) => failed.reject(error);
  board.onShow = (bytes, whose) => {
    if (whose === 'notice') return;
    output.write(bytes);
    timer?.refresh();
  };
  board.onState = (state) => {
    if (state.kind === 'connected') connected.resolve();
    else if (state.reason.startsWith('unplugged'))
      failed.reject(new ImageError(`${board.label}: ${state.reason}; the line was lost before the end`));
    else messages.write(`${board.label}: ${state.reason}\n`);
  };
  // It stays: a log may fail when it is closed, too.
  board.onTrouble = (text) => messages.write(`${board.label}: ${harmless(text)}\n`);
  signal.addEventListener('abort', interrupted, { once: true });
  output.on('error', onOutputError);
  try {
    if (signal.aborted) interrupted();
    await Promise.race([connected.promise, failed.promise]);
    await Promise.race([send(options, over.signal), failed.promise]);
    timer = setTimeout(quiet.resolve, options.quietMs);
    await Promise.race([quiet.promise, failed.promise]);
    if (output.writableNeedDrain) await Promise.race([once(output, 'drain'), failed.promise]);
  } finally {
    over.abort();
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupted);
    output.off('error', onOutputError);
    board.onShow = undefined;
    board.onState = undefined;
    options.input.destroy();
  }
}

async function send({ board, mapInput, input }: PipeOptions, over: AbortSignal): Promise<void> {
  for await (const chunk of input) {
    if (over.aborted) return;
    board.line.send(mapInput(Buffer.from(chunk)));
    // The next is read when the line has taken this.
    await board.line.atMost(0);
  }
  await board.line.drained(over);
}
