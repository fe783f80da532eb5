import type { Progress, Target } from '../../../image/flash/outcome.ts';

export interface ViewOptions {
  output: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  /** Milliseconds, from any beginning. */
  now?: () => number;
}

const EVERY_MS = 250;
/** Without a terminal a card has so many lines a phase. */
const LINES = 4;

interface Shown {
  target: Target;
  progress: Progress;
  /** When the phase began. */
  since: number;
  said: string;
}

/** How far each card is: redrawn in place on a terminal, else a line now and then. */
export class FlashView implements Disposable {
  readonly #output: ViewOptions['output'];
  readonly #now: () => number;
  readonly #shown = new Map<Target, Shown>();
  readonly #timer: NodeJS.Timeout | undefined;
  #drawn = 0;

  constructor({ output, now = () => performance.now() }: ViewOptions) {
    this.#output = output;
    this.#now = now;
    if (output.isTTY) this.#timer = setInterval(() => this.#draw(), EVERY_MS).unref();
  }

  report(target: Target, progress: Progress): void {
    const before = this.#shown.get(target);
    const isNew = before?.progress.phase !== progress.phase || progress.done < before.progress.done;
    const since = isNew ? this.#now() : (before?.since ?? 0);
    const shown = { target, progress, since, said: before?.said ?? '' };
    this.#shown.set(target, shown);
    if (this.#timer === undefined) this.#say(shown);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#draw();
  }

  #say(shown: Shown): void {
    const { phase, done, total } = shown.progress;
    const part = `${phase} ${total === 0 ? LINES : Math.floor((done / total) * LINES)}`;
    if (shown.said === part) return;
    shown.said = part;
    this.#output.write(`${this.#line(shown)}\n`);
  }

  #draw(): void {
    const width = (this.#output.columns || 80) - 1;
    const lines = [...this.#shown.values()].map((shown) => `${this.#line(shown).slice(0, width)}\n`);
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}A\x1b[0J` : '';
    this.#output.write(back + lines.join(''));
    this.#drawn = lines.length;
  }

  #line({ target, progress: { phase, done, total }, since }: Shown): string {
    const name = [target.board?.settings.board, target.card.path]
      .filter((part) => part !== undefined)
      .join(' ');
    const share = total === 0 ? 100 : Math.floor((done / total) * 100);
    return `${name.padEnd(20)} ${phase.padEnd(9)} ${String(share).padStart(3)} %${this.#rate(phase, done, total, since)}`;
  }

  /** What a check counts are no bytes. */
  #rate(phase: Progress['phase'], done: number, total: number, since: number): string {
    const seconds = (this.#now() - since) / 1000;
    if (phase === 'check' || done === 0 || seconds <= 0) return '';
    const rate = done / seconds;
    const left = Math.ceil((total - done) / rate);
    const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
    return `  ${(rate / 1e6).toFixed(1).padStart(6)} MB/s  ${time} left`;
  }
}
