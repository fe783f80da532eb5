import { Card } from './card/card.ts';
import { CardWriter, type Checked, type WriterOptions } from './card/card-writer.ts';
import type { Outcome, Target } from './outcome.ts';
import type { Spool } from './spool.ts';

/** One card among several: what goes wrong with it is its own affair, and ends in its outcome. */
export class CardRun {
  readonly #target: Target;
  readonly #options: WriterOptions;
  #card: Card | undefined;
  #writer: CardWriter | undefined;
  #queue: Promise<void> = Promise.resolve();
  #problem: unknown;

  constructor(target: Target, options: WriterOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Whether something can still become of it. */
  get isAlive(): boolean {
    return this.#problem === undefined;
  }

  /** Takes the card, wipes what makes it boot, and looks whether it has the size that it says. */
  async begin(): Promise<void> {
    try {
      this.#options.signal.throwIfAborted();
      this.#card = await Card.open(this.#target.card);
      this.#writer = new CardWriter(this.#card, this.#options);
    } catch (error) {
      this.#problem = error;
    }
    await this.#attempt((writer) => writer.check());
  }

  /** Writes a piece behind those before it. @returns when it is done with the buffer; what goes wrong shows at the end */
  take(piece: Checked): Promise<void> {
    this.#queue = this.#queue.then(() => this.#attempt((writer) => writer.write(piece)));
    return this.#queue;
  }

  /** Writes what is the card's own, reads everything back, and then makes the card boot. */
  async finish(spool: Spool): Promise<void> {
    await this.#queue;
    await this.#attempt((writer) =>
      spool.use(this.#target.board, async (file, extents) => {
        await writer.writeFrom(file, extents);
        await writer.compare();
        await writer.makeBoot(file);
      }),
    );
  }

  /** Gives it up, for a reason that is not the card's. */
  async fail(problem: unknown): Promise<void> {
    await this.#queue;
    this.#problem ??= problem;
  }

  /** Lets the card go; one that is not whole does not boot. */
  async end(): Promise<Outcome> {
    await using _card = this.#card;
    const problem = this.#problem;
    if (problem !== undefined) await this.#writer?.giveUp();
    const { signal } = this.#options;
    return {
      target: this.#target,
      state: problem === undefined ? 'done' : problem === signal.reason ? 'stopped' : 'failed',
      problem: problem instanceof Error ? problem.message : undefined,
      left: this.#writer?.left ?? 'untouched',
      bytes: this.#writer?.bytes ?? 0,
      seconds: this.#writer?.seconds ?? { check: 0, write: 0, 'read back': 0, finish: 0 },
    };
  }

  /** Does it unless something went wrong before. */
  async #attempt(work: (writer: CardWriter) => Promise<void>): Promise<void> {
    if (this.#problem !== undefined || this.#writer === undefined) return;
    try {
      await work(this.#writer);
    } catch (error) {
      this.#problem = error;
    }
  }
}
