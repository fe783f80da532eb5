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
  #givenUp: Promise<void> = Promise.resolve();

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
      return this.#giveUp(error);
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
    if (this.isAlive) this.#giveUp(problem);
  }

  /** Lets the card go. */
  async end(): Promise<Outcome> {
    await this.#givenUp;
    await using _card = this.#card;
    const problem = this.#problem;
    const { signal } = this.#options;
    return {
      target: this.#target,
      state: problem === undefined ? 'done' : problem === signal.reason ? 'stopped' : 'failed',
      problem: problem === undefined ? undefined : messageOf(problem),
      left: this.#writer?.left ?? 'untouched',
      bytes: this.#writer?.bytes ?? 0,
      seconds: this.#writer?.seconds ?? { check: 0, write: 0, 'read back': 0, finish: 0 },
    };
  }

  /** Does it unless something went wrong before; what goes wrong gives the card up. */
  async #attempt(work: (writer: CardWriter) => Promise<void>): Promise<void> {
    if (this.#problem !== undefined || this.#writer === undefined) return;
    try {
      await work(this.#writer);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /**
   * A card that is not whole does not boot. At once, for it may be taken out while the others are still written, and those
   * do not wait for it.
   */
  #giveUp(problem: unknown): void {
    this.#problem = problem;
    this.#givenUp = this.#wipe(problem);
  }

  async #wipe(problem: unknown): Promise<void> {
    try {
      await using _card = this.#card;
      this.#card = undefined;
      await this.#writer?.giveUp();
    } catch (error) {
      this.#problem = new AggregateError([problem, error], `${messageOf(problem)}; then ${messageOf(error)}`);
    }
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
