import { stripVTControlCharacters } from 'node:util';
import type { SerialConsole } from '../../image/qemu/index.ts';

const PROMPT = /viscript@[\w.-]+> /;
const ANSWER_MS = 300_000;

/** The command line of a board on its serial line, used as a person does: by typing. */
export class CommandLine {
  readonly line: SerialConsole;
  #typed = 0;

  constructor(line: SerialConsole) {
    this.line = line;
  }

  /** Waits for the greeting and the first prompt, and returns what was shown. */
  async greeting(timeoutMs: number): Promise<string> {
    return readable(await this.line.waitFor(PROMPT, { timeoutMs }));
  }

  /** Waits until it answers, on a line on which other things were going on. */
  async wake(timeoutMs = ANSWER_MS): Promise<void> {
    await this.run('', timeoutMs);
  }

  /** Types a command and returns what it printed, without the line that was typed and the next prompt. */
  async run(command: string, timeoutMs = ANSWER_MS): Promise<string> {
    // A comment tells this line from prompts and redrawings of what was typed before.
    this.#typed += 1;
    const mark = `#line-${this.#typed}`;
    await this.line.write(`${command} ${mark}\r`);
    const answered = new RegExp(
      `${mark}(?:\\s|\\x1b)[\\s\\S]*\\n[^\\n]*${PROMPT.source}(?:\\x1b\\[[\\d;?]*[A-Za-z])*$`,
    );
    const text = readable(await this.line.waitFor(answered, { timeoutMs }));
    return text
      .slice(text.lastIndexOf(mark) + mark.length)
      .split('\n')
      .slice(1, -1)
      .join('\n');
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
