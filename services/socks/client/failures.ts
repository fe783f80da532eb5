import { sourceOf } from '../../net/ip.ts';

/** Wrong passwords that one source may give in a minute. */
export const maxFailures = 10;
/** Sources that are remembered; past it the one is forgotten whose minute ends first. */
export const maxSources = 1_024;

const minuteMs = 60_000;

/** Who has given wrong passwords lately, so that nobody tries many. */
export class PasswordFailures {
  readonly #now: () => number;
  /** In the order in which their minutes end. */
  readonly #sources = new Map<string, { failures: number; end: number }>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** Whether no password of this source is looked at before its minute is over. @param address of IP */
  tooMany(address: string): boolean {
    this.#forgetOld();
    return (this.#sources.get(sourceOf(address))?.failures ?? 0) >= maxFailures;
  }

  add(address: string): void {
    this.#forgetOld();
    const name = sourceOf(address);
    const source = this.#sources.get(name);
    if (source) {
      source.failures++;
      return;
    }
    const [first] = this.#sources.keys();
    if (this.#sources.size >= maxSources && first !== undefined) this.#sources.delete(first);
    this.#sources.set(name, { failures: 1, end: this.#now() + minuteMs });
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [name, { end }] of this.#sources) {
      if (end > now) return;
      this.#sources.delete(name);
    }
  }
}
