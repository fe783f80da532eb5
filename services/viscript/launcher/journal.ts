import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** One entry of a unit's standard output. */
export interface OutputEntry {
  unit: string;
  /** The line as it was written, its line feed included where it has one. */
  line: Buffer;
}

export interface JournalOptions {
  onOutput: (entry: OutputEntry) => void;
  log: (line: string) => void;
  /** How many entries from before the start are delivered as well. */
  history: number;
}

/**
 * Follows the output of all units through one `journalctl`, and knows when that of one run is complete: systemd itself
 * notes the end of a unit in the same journal.
 */
export class Journal {
  readonly #options: JournalOptions;
  /** Ends that were read and not yet asked for, oldest first. */
  readonly #ended = new Set<string>();
  readonly #waiting = new Map<string, () => void>();
  #process: ChildProcess | undefined;
  #cursor: string | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#follow();
  }

  /** Resolves when all output of a run (its invocation id) was delivered, or past a deadline: journald may drop entries. */
  async complete(invocation: string): Promise<void> {
    if (this.#ended.delete(invocation) || this.#closed) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(invocation);
        resolve();
      };
      const timer = setTimeout(done, completeTimeoutMs);
      this.#waiting.set(invocation, done);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#process?.kill();
    for (const done of this.#waiting.values()) done();
  }

  #follow(): void {
    const from = this.#cursor
      ? ['--no-tail', `--after-cursor=${this.#cursor}`]
      : [`--lines=${this.#options.history}`];
    const child = spawn('journalctl', [...fixedArguments, ...from, ...matches], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    createInterface({ input: child.stdout }).on('line', (line) => this.#read(line));
    child.once('error', (error) => this.#again(error.message));
    child.once('close', (code, signal) => this.#again(`journalctl ended with ${signal ?? `status ${code}`}`));
  }

  #again(reason: string): void {
    if (this.#closed || this.#retry) return;
    this.#options.log(`the output of apps cannot be read: ${reason}; trying again`);
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#follow();
    }, retryMs);
  }

  #read(line: string): void {
    const entry = parseEntry(line);
    if (!entry) return;
    this.#cursor = entry.cursor;
    if (entry.ended !== undefined) this.#end(entry.ended);
    else if (entry.unit !== undefined) this.#options.onOutput({ unit: entry.unit, line: entry.line });
  }

  #end(invocation: string): void {
    const waiting = this.#waiting.get(invocation);
    if (waiting) waiting();
    else this.#ended.add(invocation);
    const [oldest] = this.#ended;
    if (this.#ended.size > maxEnded && oldest !== undefined) this.#ended.delete(oldest);
  }
}

const retryMs = 1000;
const completeTimeoutMs = 5000;
const maxEnded = 256;

const fixedArguments = [
  '--follow',
  '--quiet',
  '--all',
  '--boot',
  '--output=json',
  '--output-fields=MESSAGE,_SYSTEMD_UNIT,_PID,_TRANSPORT,_LINE_BREAK,MESSAGE_ID,INVOCATION_ID',
];
/** journald's own note that it has left out lines of a unit, which wrote too many: SD_MESSAGE_JOURNAL_DROPPED. */
const droppedNote = 'a596d6fe7bfa4994828e72309e95d61e';
/**
 * What services write to their standard output, and what systemd and journald note. The slice of the apps would be narrower, but
 * journald does not know it of a process that was gone before it could look.
 */
const matches = ['_TRANSPORT=stdout', '+', '_PID=1', '+', '_TRANSPORT=driver', `MESSAGE_ID=${droppedNote}`];

/** Notes of systemd that a unit has ended: SD_MESSAGE_UNIT_SUCCESS and SD_MESSAGE_UNIT_FAILURE_RESULT of sd-messages.h. */
const endNotes = new Set(['7ad2d189f7e94e70a38c781354912448', 'd9b373ed55a64feb8242e02dbe79a49c']);

interface Entry {
  cursor: string;
  line: Buffer;
  unit: string | undefined;
  /** The run of which this is the last entry. */
  ended: string | undefined;
}

/**
 * One line of `journalctl --output=json`. Fields that begin with _ come from journald itself and cannot be forged.
 * @returns undefined for what is not an entry
 */
export function parseEntry(text: string): Entry | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const field = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined);
  const cursor = field('__CURSOR');
  if (cursor === undefined) return undefined;
  if (field('_TRANSPORT') === 'driver') return dropped(cursor, field('MESSAGE') ?? '');
  const bySystemd = field('_PID') === '1';
  const ended = bySystemd && endNotes.has(field('MESSAGE_ID') ?? '') ? field('INVOCATION_ID') : undefined;
  return {
    cursor,
    ended,
    line: lineOf(fields.MESSAGE, field('_LINE_BREAK')),
    unit: bySystemd ? undefined : field('_SYSTEMD_UNIT'),
  };
}

/** As a line of the unit itself: it stands where those would stand that are missing. */
function dropped(cursor: string, message: string): Entry {
  const [, count = 'some', unit] = /^Suppressed (\d+) messages? from (\S+)$/.exec(message) ?? [];
  const line = `viscript: ${count} lines dropped: the app writes more than its log takes\n`;
  return { cursor, unit, line: Buffer.from(line), ended: undefined };
}

/**
 * What is not UTF-8 comes as an array of bytes. journald also cuts where no line feed was: at its longest line, where
 * another process of the app writes on, and at the end.
 */
function lineOf(message: unknown, lineBreak: string | undefined): Buffer {
  const ending = ['line-max', 'pid-change', 'eof'].includes(lineBreak ?? '') ? '' : '\n';
  if (Array.isArray(message)) return Buffer.concat([Buffer.from(message), Buffer.from(ending)]);
  return Buffer.from(`${typeof message === 'string' ? message : ''}${ending}`);
}
