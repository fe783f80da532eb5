import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { PROMPT } from './prompt.ts';
import type { SerialConsole } from './serial-console.ts';

/** How long one command may take until the prompt is back. */
const ANSWER_MS = 120_000;
/** A prompt with nothing behind it, on a line that comes after the one the command was typed on. */
const NEXT_PROMPT = new RegExp(`\\n(?:[^\\n]*\\n)*[^\\n]*${PROMPT.source}(?:\\x1b\\[[0-9;?]*[A-Za-z])*$`);

export interface ScriptOptions {
  /** Commands, one a line. */
  input: Readable;
  /** Gets what the board says, without what only a terminal needs. */
  output: Writable;
  /** Aborting it ends the script after the command that runs. */
  signal?: AbortSignal;
}

/**
 * Types each line of an input on the command line of a board that waits at its prompt, and shows what the board says
 * until the prompt is back: what a person does, for an input that is no terminal.
 *
 * @throws ConsoleError when a command does not come back to the prompt
 */
export async function playScript(
  line: SerialConsole,
  { input, output, signal }: ScriptOptions,
): Promise<void> {
  for await (const command of createInterface({ input, ...(signal === undefined ? {} : { signal }) })) {
    if (command.trim() === '') continue;
    await line.write(`${command}\r`);
    output.write(readable(await line.waitFor(NEXT_PROMPT, { timeoutMs: ANSWER_MS })));
  }
}

/** What a terminal would show in the end: of a line that was drawn several times, the last drawing. */
export function readable(text: string): string {
  const plain = stripVTControlCharacters(text).replaceAll('\x07', '').replaceAll(/\r+\n/g, '\n');
  return plain
    .split('\n')
    .map((drawn) => drawn.slice(drawn.lastIndexOf('\r') + 1))
    .join('\n');
}
