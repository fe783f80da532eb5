import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { Extent } from '../../disk/used-blocks/extents.ts';
import { BufferPool } from '../buffer-pool.ts';
import { FlashError } from '../error.ts';
import type { Outcome, Phase, Progress } from '../outcome.ts';
import { bootExtents, endExtent } from './boot-extents.ts';
import type { Card } from './card.ts';
import { Probes } from './probe.ts';
import { readBack, type Written } from './read-back.ts';

export interface WriterOptions {
  /** Bytes of the image from its beginning to its end, and how many of them are written. */
  image: { size: number; bytes: number };
  pool: BufferPool;
  /** Between any two writes, its reason is thrown. */
  signal: AbortSignal;
  report: (progress: Progress) => void;
}

/** Bytes that are wiped in one go. */
const WIPED = 1024 * 1024;

/** A piece of an image, with its checksum. */
export type Checked = Written & { buffer: Buffer };

/**
 * What is done to a card, from the first step to the last.
 *
 * INVARIANT: from the first write until everything else was read back, what makes the card boot is zeros on it.
 */
export class CardWriter {
  readonly seconds: Record<Phase, number> = { check: 0, write: 0, 'read back': 0, finish: 0 };
  readonly #card: Card;
  readonly #options: WriterOptions;
  readonly #probes: Probes;
  readonly #written: Written[] = [];
  /** For wiping: those of the pool may all hold pieces that wait for this card. */
  readonly #own = new BufferPool(1, WIPED);
  #left: Outcome['left'] = 'untouched';
  #progress: Progress = { phase: 'check', done: 0, total: 1 };
  #since = performance.now();

  constructor(card: Card, options: WriterOptions) {
    this.#card = card;
    this.#options = options;
    this.#probes = new Probes(card, options.pool);
  }

  get left(): Outcome['left'] {
    return this.#left;
  }

  get bytes(): number {
    return bytesOf(this.#written);
  }

  /** Wipes what makes the card boot, and looks whether it has the size that it says. @throws {FlashError} when it has not */
  async check(): Promise<void> {
    const { size } = this.#options.image;
    if (this.#card.size < size)
      throw new FlashError(
        `${this.#card.path} has ${this.#card.size} bytes, too few for an image of ${size}`,
      );
    this.#enter('check', this.#probes.count * 2);
    this.#left = 'unknown';
    const problem = await this.#zero(this.#bootFirst());
    await this.#probes.write(() => this.#advance(1));
    await this.#probes.check([], () => this.#advance(1));
    // Not before: that a card lies says more than where it fails, and its probes may be anywhere.
    // And where zeros are to be.
    const again = problem ?? (await this.#zero(this.#bootFirst()));
    if (again !== undefined) throw again;
    if (!(await this.#isWiped()))
      throw new FlashError(
        `${this.#card.path} did not keep the zeros where it boots from: it is worn out, or protects itself`,
      );
    this.#left = 'wiped';
    const atEnd = await this.#zero(partsOf([endExtent(this.#card.size)], WIPED));
    if (atEnd !== undefined) throw atEnd;
    this.#enter('write', this.#options.image.bytes);
  }

  async write({ buffer, ...piece }: Checked): Promise<void> {
    this.#options.signal.throwIfAborted();
    await this.#card.write(buffer, piece.length, piece.offset);
    this.#written.push(piece);
    this.#advance(piece.length);
  }

  /** Writes what a file has at the same places. */
  async writeFrom(file: FileHandle, extents: readonly Extent[]): Promise<void> {
    const { pool } = this.#options;
    for (const { offset, length } of partsOf(extents, pool.size)) {
      await pool.lend(async (buffer) => {
        await file.read(buffer.fill(0), 0, length, offset);
        const sha256 = createHash('sha256').update(buffer.subarray(0, length)).digest('hex');
        await this.write({ buffer, offset, length, sha256 });
      });
    }
  }

  /** Reads everything back. @throws {FlashError} when it is not what was written */
  async compare(): Promise<void> {
    await this.#card.sync();
    this.#enter('read back', this.bytes);
    await readBack(this.#card, this.#written, this.#options.pool, (bytes) => this.#advance(bytes));
    // Once more, now that so much was written that the card cannot have them in a memory for what came last.
    const wiped = [...bootExtents(this.#options.image.size), endExtent(this.#card.size)];
    await this.#probes.check([...this.#written, ...wiped], () => this.#options.signal.throwIfAborted());
  }

  /** Writes, in the order of {@link bootExtents}, what makes the card boot. */
  async makeBoot(file: FileHandle): Promise<void> {
    const extents = bootExtents(this.#options.image.size);
    this.#enter('finish', bytesOf(extents));
    this.#left = 'unknown';
    for (const extent of extents) {
      const before = this.#written.length;
      await this.writeFrom(file, [extent]);
      await this.#card.sync();
      await readBack(this.#card, this.#written.slice(before), this.#options.pool, () => undefined);
    }
    this.#left = 'whole';
    this.#enter('finish', 0);
  }

  /** Makes sure that a card that was begun does not boot, as far as it lets it: {@link left} says what it came to. */
  async giveUp(): Promise<void> {
    if (this.#left === 'untouched') return;
    // It may refuse to be written where it is zeros already: what it holds tells.
    await this.#zero(this.#bootFirst());
    try {
      this.#left = (await this.#isWiped()) ? 'wiped' : 'unknown';
    } catch (error) {
      // When it is gone, it stays as it was left.
      if (!(error instanceof FlashError)) throw error;
    }
  }

  /** What boots first comes first. */
  #bootFirst(): Extent[] {
    return partsOf(bootExtents(this.#options.image.size).toReversed(), WIPED);
  }

  /**
   * Writes zeros, each extent when the one before is on the card; one that fails does not keep the others from it.
   *
   * @param extents none longer than {@link WIPED}
   * @returns what went wrong first
   */
  async #zero(extents: readonly Extent[]): Promise<FlashError | undefined> {
    const problems: FlashError[] = [];
    for (const { offset, length } of extents) {
      try {
        await this.#own.lend((buffer) => this.#card.write(buffer.fill(0), length, offset));
        await this.#card.sync();
      } catch (error) {
        if (!(error instanceof FlashError)) throw error;
        problems.push(error);
      }
    }
    return problems[0];
  }

  /** Whether the zeros are on the card, whatever it said when they were written. */
  async #isWiped(): Promise<boolean> {
    for (const { offset, length } of this.#bootFirst()) {
      const isZero = await this.#own.lend(async (buffer) =>
        (await this.#card.read(buffer, length, offset)).every((byte) => byte === 0),
      );
      if (!isZero) return false;
    }
    return true;
  }

  #enter(phase: Phase, total: number): void {
    const now = performance.now();
    this.seconds[this.#progress.phase] += (now - this.#since) / 1000;
    this.#since = now;
    this.#progress = { phase, done: 0, total };
    this.#options.report(this.#progress);
  }

  #advance(amount: number): void {
    this.#options.signal.throwIfAborted();
    const { phase, done, total } = this.#progress;
    this.#progress = { phase, done: Math.min(total, done + amount), total };
    this.#options.report(this.#progress);
  }
}

/** No part longer than a buffer. */
function partsOf(extents: readonly Extent[], most: number): Extent[] {
  return extents.flatMap(({ offset, length }) =>
    Array.from({ length: Math.ceil(length / most) }, (_, index) => ({
      offset: offset + index * most,
      length: Math.min(most, length - index * most),
    })),
  );
}

function bytesOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}
