import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import { KeyDecoder } from '../../services/viscript/terminal/keys.ts';

export interface LiveOptions {
  input: Readable;
  output: Writable;
  /** Called with each key: a character, or a name such as `ctrl-c`. */
  onKey(key: string): void;
}

/** What there is to draw on. */
export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** A whole terminal that is drawn again and again, and its keys. Disposing of it leaves the terminal as it was. */
export interface Live extends Disposable, ViewSize {
  /** Replaces what is shown; what has no room is left out. */
  draw(lines: readonly string[]): void;
}

/** Takes a terminal over. @returns undefined when input or output is none, and nothing can be drawn */
export function takeTerminal({ input, output, onKey }: LiveOptions): Live | undefined {
  if (!(input instanceof ReadStream) || !(output instanceof WriteStream)) return undefined;
  if (process.env.TERM === 'dumb') return undefined;
  const decoder = new KeyDecoder();
  const onData = (chunk: Buffer) => {
    for (const key of decoder.push(chunk)) {
      if (key.kind === 'key') onKey(key.name);
      else for (const character of key.text) onKey(character);
    }
  };
  const release = () => {
    process.off('exit', release);
    input.off('data', onData).pause();
    input.setRawMode(false);
    output.write(LEAVE);
  };
  // An error that ends the whole process leaves no other chance.
  process.on('exit', release);
  input.setRawMode(true);
  input.on('data', onData).resume();
  output.write(ENTER);
  return {
    get columns() {
      return output.columns || 80;
    },
    get rows() {
      return output.rows || 24;
    },
    color: !process.env.NO_COLOR,
    draw: (lines) => void output.write(frame(lines.slice(0, output.rows || 24))),
    [Symbol.dispose]: release,
  };
}

/** What is shown of a moment: as a whole screen on a terminal, else as one line. */
export interface Views<Moment> {
  screen(moment: Moment, size: ViewSize): string[];
  line(moment: Moment): string;
}

/** Shows moments until there are no more. Without a terminal there is a line whenever something has changed. */
export async function showMoments<Moment>(
  moments: AsyncIterable<Moment>,
  { live, output }: { live: Live | undefined; output: Writable },
  { screen, line }: Views<Moment>,
): Promise<void> {
  let said = '';
  for await (const moment of moments) {
    live?.draw(screen(moment, live));
    const now = line(moment);
    if (live === undefined && now !== said) output.write(`${now}\n`);
    said = now;
  }
}

/** The alternate screen without a cursor or wrapped lines, and back (DEC private modes, as xterm's ctlseqs has them). */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';

/** Line by line over what is there, so that nothing flickers. */
function frame(lines: readonly string[]): string {
  return `\x1b[H${lines.map((line) => `${line}\x1b[0m\x1b[K`).join('\r\n')}\x1b[J`;
}
