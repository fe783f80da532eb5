import { createHash, randomBytes } from 'node:crypto';
import type { Extent } from '../../disk/used-blocks/extents.ts';
import type { BufferPool } from '../buffer-pool.ts';
import { FlashError } from '../error.ts';
import type { Card } from './card.ts';

const BLOCK = 4096;
/** Where probes begin: before it nothing may ever be on a card that is not finished. */
const BEGIN = 1024 * 1024;
/** Sizes of cards are multiples of it (C_SIZE in the SD specification). */
const UNIT = 512 * 1024;
/** First bytes of a block by which its place is told. */
const MARK = 16;

/**
 * Blocks all over a card, each with content of its own, which show whether it has the size that it says. A card that lies
 * puts what is beyond its end somewhere else, mostly at the place that is left when its size is subtracted, or nowhere.
 * So the places are the first n units one by one, and then every n-th: any two places that differ by some size of a card
 * are among them. They are written from the last to the first, so that those that exist keep their own content.
 */
export class Probes {
  readonly #card: Card;
  readonly #pool: BufferPool;
  readonly #seed = randomBytes(32);
  readonly #places: readonly number[];

  constructor(card: Card, pool: BufferPool) {
    this.#card = card;
    this.#pool = pool;
    this.#places = placesOn(card.size);
  }

  /** How many blocks are written, and read each time. */
  get count(): number {
    return this.#places.length;
  }

  /** @throws {FlashError} when not even the first places can be written */
  async write(each: () => void): Promise<void> {
    for (const place of this.#places.toReversed()) {
      await this.#pool.lend(async (buffer) => {
        this.#content(place).copy(buffer);
        try {
          await this.#card.write(buffer, BLOCK, place);
        } catch (error) {
          // What a card refuses beyond its end, it will not have when it is read.
          if (!(error instanceof FlashError) || place === this.#places[0]) throw error;
        }
      });
      each();
    }
    await this.#card.sync();
  }

  /**
   * Reads them back.
   *
   * @param written what was written since: those in it are left out
   * @throws {FlashError} when the card does not have the size that it says, with the one it has
   */
  async check(written: readonly Extent[], each: () => void): Promise<void> {
    const places = this.#places.filter(
      (place) => !written.some(({ offset, length }) => place + BLOCK > offset && place < offset + length),
    );
    const marks = new Map(places.map((place) => [markOf(this.#content(place)), place]));
    const found: Found[] = [];
    for (const place of places) {
      found.push({ place, holds: await this.#at(place, marks) });
      each();
    }
    const complaint = complaintAbout(found, this.#card.size);
    if (complaint !== undefined) throw new FlashError(`${this.#card.path} ${complaint}`);
  }

  /** The place whose content is there. */
  async #at(place: number, marks: ReadonlyMap<string, number>): Promise<number | undefined> {
    return this.#pool.lend(async (buffer) => {
      try {
        const content = await this.#card.read(buffer, BLOCK, place);
        const whose = marks.get(markOf(content));
        return whose !== undefined && content.equals(this.#content(whose)) ? whose : undefined;
      } catch (error) {
        if (error instanceof FlashError) return undefined;
        throw error;
      }
    });
  }

  #content(place: number): Buffer {
    return createHash('shake256', { outputLength: BLOCK }).update(this.#seed).update(`${place}`).digest();
  }
}

/** What is at a place of a card: its own content, that of another place, or nothing of ours. */
export interface Found {
  place: number;
  holds: number | undefined;
}

/** What a card of so many bytes is to be told about, in words that follow its name; undefined: nothing. */
export function complaintAbout(found: readonly Found[], size: number): string | undefined {
  const wrong = found.filter(({ place, holds }) => place !== holds);
  const [first] = wrong;
  if (first === undefined) return undefined;
  if (wrong.length === found.length)
    return 'keeps nothing that is written to it: it is worn out, or protects itself';
  const shifts = wrong.flatMap(({ place, holds }) =>
    holds !== undefined && holds < place ? [place - holds] : [],
  );
  const goodBehind = found.some(({ place, holds }) => place === holds && place > first.place);
  if (shifts.length === 0 && goodBehind)
    return `loses what is written at byte ${first.place}: it is defective`;
  const below = found.filter(({ place }) => place < first.place).at(-1)?.place ?? 0;
  const real =
    shifts.length > 0
      ? `${gigabytes(Math.min(...shifts))} GB`
      : `between ${gigabytes(below)} and ${gigabytes(first.place)} GB`;
  return `lies about its size: it says ${gigabytes(size)} GB and holds ${real}; what is written beyond is lost`;
}

export function placesOn(size: number): number[] {
  const units = Math.floor((size - BEGIN) / UNIT);
  const near = Math.max(1, Math.ceil(Math.sqrt(units)));
  const places = new Set<number>();
  for (let unit = 0; unit < units; unit += unit < near ? 1 : near) places.add(BEGIN + unit * UNIT);
  places.add(size - BLOCK);
  return [...places]
    .filter((place) => place >= BEGIN && place + BLOCK <= size)
    .sort((one, other) => one - other);
}

function markOf(content: Buffer): string {
  return content.toString('latin1', 0, MARK);
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1);
}
