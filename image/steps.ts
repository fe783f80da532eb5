import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters, styleText } from 'node:util';
import { CommandError } from './run.ts';

/** How many last lines of a failed step's log are shown. */
const TAIL_LINES = 15;

/** One step of long work, while it runs. */
export interface Step {
  /** Says in a few words how far it is; the last note stays beside the finished step. */
  note(text: string): void;
  /** Says that something was taken from the cache instead of being made. */
  cached(what: string): void;
  /** Path of this step's log file, which exists and is empty when the work begins. */
  readonly log: string;
}

export interface Steps {
  /**
   * Runs `work` under a title, and shows how it went.
   *
   * @param remedy one sentence that says what to do when the step fails
   * @throws StepError when the work throws; the failure has then been shown already
   */
  step<T>(title: string, remedy: string, work: (step: Step) => Promise<T>): Promise<T>;
}

/** A step that failed. It was shown when it happened: catch it to set the exit status. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly title: string;
  readonly logTail: readonly string[];
  readonly remedy: string;

  constructor(title: string, logTail: readonly string[], remedy: string, cause: unknown) {
    super(`${title}: ${firstLine(messageOf(cause))}`, { cause });
    this.title = title;
    this.logTail = logTail;
    this.remedy = remedy;
  }
}

export interface StepsOptions {
  /** Folder of the log files, made when it is missing. */
  logs: string;
  output: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  /** Redraw running steps; plain lines otherwise. Default: whether the output is a terminal. */
  terminal?: boolean;
  /** Default: a terminal, and NO_COLOR is not set. */
  color?: boolean;
}

/** Shows a line a step: plain lines as steps end, and on a terminal also the running ones, redrawn in place. */
export function showSteps(options: StepsOptions): Steps {
  return new Renderer(options);
}

interface Running {
  title: string;
  since: number;
  note: string;
  cached: string[];
}

class Renderer implements Steps {
  readonly #logs: string;
  readonly #output: StepsOptions['output'];
  readonly #terminal: boolean;
  readonly #color: boolean;
  readonly #running = new Set<Running>();
  #drawn = 0;
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ logs, output, terminal, color }: StepsOptions) {
    this.#logs = logs;
    this.#output = output;
    this.#terminal = terminal ?? output.isTTY === true;
    this.#color = color ?? (this.#terminal && !process.env.NO_COLOR);
  }

  async step<T>(title: string, remedy: string, work: (step: Step) => Promise<T>): Promise<T> {
    const log = await this.#openLog(title);
    const running: Running = { title, since: performance.now(), note: '', cached: [] };
    this.#running.add(running);
    this.#draw();
    try {
      const result = await work({
        log,
        note: (text) => {
          running.note = text;
          this.#draw();
        },
        cached: (what) => running.cached.push(what),
      });
      this.#end(running, this.#doneLine(running));
      return result;
    } catch (error) {
      if (error instanceof StepError) {
        this.#end(running, this.#failedLine(running));
        throw error;
      }
      await appendFile(log, `${messageOf(error)}\n`);
      const failure = new StepError(title, await tailOf(log), remedy, error);
      this.#end(running, [this.#failedLine(running), ...this.#explain(failure, log)].join('\n'));
      throw failure;
    }
  }

  async #openLog(title: string): Promise<string> {
    await mkdir(this.#logs, { recursive: true });
    this.#count += 1;
    const name = title
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '-')
      .replaceAll(/^-|-$/g, '');
    const log = join(this.#logs, `${String(this.#count).padStart(2, '0')}-${name}.log`);
    await writeFile(log, '');
    return log;
  }

  #doneLine(step: Running): string {
    const cached = step.cached.length > 0 ? `cached: ${step.cached.join(', ')}` : '';
    return this.#line('✓', 'green', step, [step.note, cached]);
  }

  #failedLine(step: Running): string {
    return this.#line('✗', 'red', step, []);
  }

  #line(mark: string, color: 'green' | 'red' | 'cyan', step: Running, details: string[]): string {
    const seconds = `${((performance.now() - step.since) / 1000).toFixed(1)} s`;
    const rest = details.filter((text) => text !== '').join(' · ');
    return `${this.#style(color, mark)} ${step.title.padEnd(36)} ${seconds.padStart(8)}  ${this.#style('dim', rest)}`.trimEnd();
  }

  #explain(failure: StepError, log: string): string[] {
    return [
      ...failure.logTail.map((line) => `    ${this.#style('dim', line)}`),
      `  Log: ${log}`,
      `  ${this.#style('bold', 'What to do:')} ${failure.remedy}`,
    ];
  }

  #style(format: 'green' | 'red' | 'cyan' | 'dim' | 'bold', text: string): string {
    return this.#color && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  }

  #end(step: Running, lines: string): void {
    this.#running.delete(step);
    this.#erase();
    this.#output.write(`${lines}\n`);
    this.#draw();
  }

  /** Shows the running steps below what has been printed, and keeps their seconds counting. */
  #draw(): void {
    if (!this.#terminal) return;
    this.#erase();
    for (const step of this.#running) {
      const line = this.#line('…', 'cyan', step, [step.note]);
      this.#output.write(`${cutTo((this.#output.columns || 80) - 1, line)}\n`);
    }
    this.#drawn = this.#running.size;
    if (this.#drawn === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else this.#timer ??= setInterval(() => this.#draw(), 250).unref();
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }
}

/** A line that wraps cannot be redrawn in place: cut it, without its colours, when it is too wide. */
function cutTo(width: number, line: string): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= width ? line : plain.slice(0, width);
}

async function tailOf(log: string): Promise<string[]> {
  const text = stripVTControlCharacters(await readFile(log, 'utf8'));
  return text
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== '')
    .slice(-TAIL_LINES);
}

/** What a log lacks: the output of a command is in it already, other errors are not. */
function messageOf(error: unknown): string {
  if (error instanceof CommandError) return firstLine(error.message);
  return error instanceof Error ? error.message : String(error);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
