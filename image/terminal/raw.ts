import { spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { TerminalModes } from './modes.ts';

/**
 * Has every key handed on as it is typed, and everything shown as it comes, where the input is a terminal. Lines of
 * one's own then end in CR LF.
 *
 * @returns puts the terminal back as it was, with what `modes` has seen undone
 */
export function borrowTerminal(input: Readable, output: Writable, modes: TerminalModes): () => void {
  if (!(input instanceof ReadStream)) return () => undefined;
  const wasRaw = input.isRaw;
  const restore = () => {
    process.off('exit', restore);
    input.setRawMode(wasRaw);
    output.write(modes.reset());
  };
  // An error that ends the whole process leaves no other chance.
  process.on('exit', restore);
  input.setRawMode(true);
  // Node.js leaves the kernel to put a CR before every LF, which full-screen programs at the far end mean otherwise.
  if (input === process.stdin) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  return restore;
}
