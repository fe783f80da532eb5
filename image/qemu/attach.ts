import type { Readable, Writable } from 'node:stream';
import { TerminalModes } from '../terminal/modes.ts';
import { borrowTerminal } from '../terminal/raw.ts';
import type { SerialConsole } from './serial-console.ts';

/** Ctrl-], the key that leaves telnet too. */
const LEAVE = 0x1d;
/** What may wait for a board that reads slowly, in bytes: a long paste, not an endless one. */
const MAX_QUEUED = 1024 * 1024;
/** What may wait for a terminal that reads slowly, in bytes. */
const MAX_UNSHOWN = 16 * 1024 * 1024;
export interface AttachOptions {
  /** A terminal, or any stream. */
  input: Readable;
  output: Writable;
  /** Aborting it leaves. */
  signal?: AbortSignal;
}

/**
 * Connects a terminal to a serial line until Ctrl-] is typed, the input or the line ends, or the signal is aborted.
 * Every other key goes to the board, Ctrl-C too. The terminal is as it was before on every way out; the line stays
 * open. A terminal that changes its size tells the line nothing, for a serial line cannot carry it.
 */
export async function attach(line: SerialConsole, options: AttachOptions): Promise<'left' | 'closed'> {
  const { input, output, signal } = options;
  const modes = new TerminalModes();
  const restore = borrowTerminal(input, output, modes);
  const stopShowing = line.listen((data) => {
    if (output.writableLength >= MAX_UNSHOWN) return;
    modes.see(data);
    output.write(data);
  });
  const done = Promise.withResolvers<'left' | 'closed'>();
  const onInput = (data: Buffer | string) => {
    const bytes = Buffer.from(data);
    const end = bytes.indexOf(LEAVE);
    forward(line, end < 0 ? bytes : bytes.subarray(0, end), output);
    if (end >= 0) done.resolve('left');
  };
  const leave = () => done.resolve('left');
  const fail = (error: Error) => done.reject(error);
  try {
    signal?.throwIfAborted();
    signal?.addEventListener('abort', leave, { once: true });
    input.on('data', onInput).once('end', leave).once('error', fail);
    input.resume();
    void line.closed.then(() => done.resolve('closed'));
    return await done.promise;
  } finally {
    signal?.removeEventListener('abort', leave);
    input.off('data', onInput).off('end', leave).off('error', fail);
    input.pause();
    stopShowing();
    restore();
  }
}

/** Never makes the input wait, so that Ctrl-] is always seen: what a full line cannot take is lost with a bell. */
function forward(line: SerialConsole, bytes: Buffer, output: Writable): void {
  if (bytes.length === 0) return;
  if (line.queued + bytes.length > MAX_QUEUED) {
    output.write('\x07');
    return;
  }
  // A write fails only when the line is gone, and that ends the attachment anyway.
  line.write(bytes).catch(() => output.write('\x07'));
}
