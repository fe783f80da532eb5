import { createInterface } from 'node:readline/promises';
import { FlashError } from '../../../image/flash/error.ts';

/**
 * Asks a person on the terminal.
 *
 * @throws {FlashError} when there is none, or it is closed; the signal's reason when that is aborted
 */
export async function ask(question: string, signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY)
    throw new FlashError('There is no terminal to ask on: look at the drives with --list, and give --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const closed = new Promise<never>((_, reject) => {
      lines.once('close', () => reject(new FlashError('Not confirmed: nothing was written.')));
      // It takes Ctrl-C from the terminal before it is a signal.
      lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    });
    return await Promise.race([lines.question(question, { signal }), closed]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}

/** @throws {FlashError} unless a person types yes */
export async function confirm(question: string, signal: AbortSignal): Promise<void> {
  const answer = await ask(`${question} Type yes to go on: `, signal);
  if (answer.trim().toLowerCase() !== 'yes') throw new FlashError('Not confirmed: nothing was written.');
}
