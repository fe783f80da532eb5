import type { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { ImageError } from '../../../image/error.ts';
import { TerminalModes } from '../../../image/terminal/modes.ts';
import { borrowTerminal } from '../../../image/terminal/raw.ts';
import { harmless } from '../harmless.ts';
import { connectTo } from './connect.ts';
import { FrameReader, WatchProtocolError } from './protocol.ts';

export interface WatchOptions {
  /** Path of the console's socket. */
  path: string;
  /** What the board was called by whoever wants to look on. */
  label: string;
  input: Readable;
  /** Gets what the board says. */
  output: Writable;
  /** Gets what this program says. */
  messages: Writable;
  signal: AbortSignal;
}

/** Ctrl-C, Ctrl-D, Ctrl-] and q: whoever only looks on has nothing else to type. */
const LEAVE = new Set([0x03, 0x04, 0x1d, 0x71]);

/**
 * Shows what a board says that another `skyminer console` has, until a key that leaves is typed, that console ends, or
 * the signal is aborted.
 *
 * @throws {ImageError} when no console has the board or it drops this one, the output fails, or the signal is aborted
 */
export async function watch({ path, label, input, output, messages, signal }: WatchOptions): Promise<void> {
  const socket = await connectTo(path);
  if (socket === undefined) {
    throw new ImageError(
      `No 'skyminer console' of yours has ${label}: start one with 'skyminer console ${label}'.`,
    );
  }
  const modes = new TerminalModes();
  const restore = borrowTerminal(input, output, modes);
  const typed = (data: Buffer) => {
    // By itself: the terminal answers what the board asks it, and an answer may have such a byte in it.
    if (data.length === 1 && LEAVE.has(data[0] ?? 0)) leave();
  };
  let left = false;
  const leave = () => {
    left = true;
    socket.destroy();
  };
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  // It stays: what restores the terminal may meet the error, too.
  output.on('error', (cause) =>
    socket.destroy(new ImageError(`the output takes nothing any more: ${cause.message}`, { cause })),
  );
  if (input instanceof ReadStream) input.on('data', typed).once('end', leave).resume();
  try {
    const reader = new FrameReader();
    for await (const chunk of socket) {
      for (const { kind, payload } of reader.read(chunk)) {
        if (kind === 'hello') messages.write(`Looking on at ${harmless(payload.toString())}; q leaves.\r\n`);
        else if (kind === 'dropped')
          throw new ImageError(`${label}: dropped: ${harmless(payload.toString())}`);
        else {
          modes.see(payload);
          if (!output.write(payload)) await drained(output, signal);
        }
      }
    }
    if (!left) messages.write(`\r\nThe console that had ${label} has ended.\r\n`);
  } catch (error) {
    const isByLeaving = left && !(error instanceof ImageError);
    if (!isByLeaving && error instanceof WatchProtocolError) {
      throw new ImageError(`${path}: no console answers there, but something that sends ${error.message}`, {
        cause: error,
      });
    }
    if (!isByLeaving) throw error;
  } finally {
    signal.removeEventListener('abort', leave);
    input.off('data', typed).off('end', leave);
    input.pause();
    socket.destroy();
    restore();
  }
  if (signal.aborted) throw new ImageError('interrupted');
}

/** Resolves when the output takes more, fails, is gone, or nobody waits any more. */
function drained(output: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      output.off('drain', done).off('close', done).off('error', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    output.once('drain', done).once('close', done).once('error', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
