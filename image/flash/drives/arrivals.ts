import { setTimeout } from 'node:timers/promises';
import { type Drive, type DriveOptions, listDrives } from './drive.ts';

/** No machine tells in the same way of a card that is put into a reader, so it is looked. */
const EVERY_MS = 500;

/** Sees cards that are put in after it was made: each is given once, and again when it was out in between. */
export class Arrivals {
  readonly #options: DriveOptions;
  #known: ReadonlySet<string>;

  /** What is there now has not been put in for this. */
  static async begin(options: DriveOptions): Promise<Arrivals> {
    return new Arrivals(options, new Set((await listDrives(options)).map(keyOf)));
  }

  private constructor(options: DriveOptions, known: ReadonlySet<string>) {
    this.#options = options;
    this.#known = known;
  }

  /** Waits for the next card, which may be one that is refused. @throws the signal's reason */
  async next(signal: AbortSignal): Promise<Drive> {
    for (;;) {
      signal.throwIfAborted();
      const drives = (await listDrives(this.#options)).filter(({ disk }) => disk.identity.size > 0);
      const found = drives.find((drive) => !this.#known.has(keyOf(drive)));
      const seen = drives.map(keyOf).filter((key) => this.#known.has(key));
      this.#known = new Set(found === undefined ? seen : [...seen, keyOf(found)]);
      if (found !== undefined) return found;
      await setTimeout(EVERY_MS, undefined, { signal });
    }
  }
}

function keyOf({ disk: { identity } }: Drive): string {
  return JSON.stringify(identity);
}
