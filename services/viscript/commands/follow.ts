import type { Launch } from '../supervisor/launch.ts';
import type { LogLine } from '../supervisor/log-line.ts';
import type { OutputLine } from '../supervisor/output.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { CommandContext } from './command.ts';

/** Lines that wait for a front end that is slower than the apps: so many, and so many characters. */
const maxWaiting = 1000;
const maxCharacters = 262_144;

export interface FollowOptions {
  /** What is followed from now on. */
  launches: readonly Launch[];
  /** Shows what was there before; the lines that come meanwhile wait. */
  before?: () => Promise<void>;
  /** Launches that begin later are followed as well when they fit; none do where this is left out. */
  later?: { supervisor: Supervisor; fits: (launch: Launch) => boolean };
  /** Goes on when all launches are over, for there may be more. */
  forever?: boolean;
  /** What is left of some lines; all of them where it is left out. */
  filter?: (lines: LogLine[]) => Promise<LogLine[]>;
  show: (line: LogLine) => void;
}

/**
 * Shows each new line until the launches are over or the person has enough. A front end that takes lines more slowly
 * than they come loses the oldest of those that wait, and a line says how many.
 */
export async function follow(
  { launches, before, later, forever = false, filter = async (lines) => lines, show }: FollowOptions,
  { signal, drained }: CommandContext,
): Promise<void> {
  const waiting = new Waiting();
  const running = new Set<Launch>();
  const ends: (() => void)[] = [];
  const take = (launch: Launch) => {
    if (running.has(launch)) return;
    running.add(launch);
    const onLine = (line: OutputLine) => waiting.add({ ...line, id: launch.id, app: launch.app.name });
    launch.output.on('line', onLine);
    ends.push(() => launch.output.off('line', onLine));
    void launch.ended.then(() => {
      running.delete(launch);
      waiting.wake();
    });
  };
  const onChange = (launch: Launch) => {
    if (launch.state !== 'exited' && later?.fits(launch)) take(launch);
  };
  launches.forEach(take);
  later?.supervisor.on('change', onChange);
  signal.addEventListener('abort', waiting.wake);
  try {
    await before?.();
    while (!signal.aborted) {
      const lines = waiting.take();
      if (lines.length > 0) {
        for (const line of await filter(lines)) show(line);
        await drained();
      } else if (running.size > 0 || forever) await waiting.more();
      else return;
    }
  } finally {
    signal.removeEventListener('abort', waiting.wake);
    later?.supervisor.off('change', onChange);
    for (const end of ends) end();
  }
}

/** Lines on their way to a front end. */
class Waiting {
  #lines: LogLine[] = [];
  #characters = 0;
  #dropped = 0;
  #awake = Promise.withResolvers<void>();

  readonly wake = (): void => this.#awake.resolve();

  add(line: LogLine): void {
    this.#lines.push(line);
    this.#characters += line.text.length;
    while (this.#lines.length > maxWaiting || (this.#characters > maxCharacters && this.#lines.length > 1)) {
      this.#characters -= this.#lines.shift()?.text.length ?? 0;
      this.#dropped++;
    }
    this.wake();
  }

  /** What waits, after a line about what does not wait any more. */
  take(): LogLine[] {
    const lines = this.#lines;
    const [first] = lines;
    const text = `viscript: ${this.#dropped} lines left out: they are not taken as fast as they come`;
    const told: LogLine[] = this.#dropped > 0 && first ? [{ ...first, stream: 'viscript', text }] : [];
    this.#lines = [];
    this.#characters = 0;
    this.#dropped = 0;
    return [...told, ...lines];
  }

  async more(): Promise<void> {
    await this.#awake.promise;
    this.#awake = Promise.withResolvers<void>();
  }
}
