import { stripVTControlCharacters } from 'node:util';
import type { SerialConsole } from '../../image/qemu/index.ts';

const PROMPT = /viscript@[\w.-]+> /;
/** A prompt that stands alone at the end of a line of its own, whatever the terminal was told about colours. */
const NEXT_PROMPT = new RegExp(`\\n[^\\n]*${PROMPT.source}(?:\\x1b\\[[\\d;?]*[A-Za-z])*$`);
const ANSWER_MS = 120_000;

/** The command line of a board on its serial line, used as a person does: by typing. */
export class CommandLine {
  readonly line: SerialConsole;

  constructor(line: SerialConsole) {
    this.line = line;
  }

  /** Waits for the greeting and the first prompt, and returns what was shown. */
  async greeting(timeoutMs: number): Promise<string> {
    return readable(await this.line.waitFor(PROMPT, { timeoutMs }));
  }

  /** Asks for a prompt, on a line that has been opened in the middle of things. */
  async wake(): Promise<void> {
    await this.line.write('\r');
    await this.line.waitFor(NEXT_PROMPT, { timeoutMs: ANSWER_MS });
  }

  /** Types a command and returns what it printed, without the line that was typed and the next prompt. */
  async run(command: string, timeoutMs = ANSWER_MS): Promise<string> {
    await this.line.write(`${command}\r`);
    const text = readable(await this.line.waitFor(NEXT_PROMPT, { timeoutMs }));
    return text.split('\n').slice(1, -1).join('\n');
  }

  /** What a program reads: the command's result as JSON. */
  async json<T>(command: string): Promise<T> {
    const text = await this.run(`${command} --json`);
    return JSON.parse(text.trim().split('\n').at(-1) ?? '');
  }
}

/** What a terminal would show in the end: of a line that was drawn several times, the last drawing. */
function readable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
    .join('\n');
}
