import type { EndRule } from '../../net/control/rules.ts';
import { Path } from './path.ts';

/** Milliseconds between probes of a path: while the circuit carries something, and else. */
const probeEveryMs = { active: 1_000, idle: 5_000 };
/** The same for a path of which little is known yet. */
const learnEveryMs = 50;
/** A lighter path is taken into use when it weighs less than this part of the one in use. */
const worthMoving = 0.8;
/** Late probes after which another path is taken into use. */
const suspectAfter = 2;

/**
 * The paths of a circuit, of which one is in use. Times are milliseconds of a clock that only goes forward.
 *
 * INVARIANT: a path in use that is down means that none is up.
 */
export class PathSet {
  readonly #paths = new Map<number, Path>();
  #inUse: Path | undefined;
  /** Since when no path has been up. */
  #downSince: number | undefined;

  /** @param now when there is no path yet */
  constructor(now: number) {
    this.#downSince = now;
  }

  get inUse(): Path | undefined {
    return this.#inUse;
  }

  get(number: number): Path | undefined {
    return this.#paths.get(number);
  }

  [Symbol.iterator](): IterableIterator<Path> {
    return this.#paths.values();
  }

  /** Another path that is up, the lightest of them. */
  get warm(): Path | undefined {
    return lightest([...this.#paths.values()].filter((path) => path.up && path !== this.#inUse));
  }

  /** Milliseconds for which no path has been up. */
  downFor(now: number): number {
    return this.#downSince === undefined ? 0 : now - this.#downSince;
  }

  /** Adds a path, in place of one with the same number. */
  add(rule: EndRule, up: boolean): Path {
    this.remove(rule.path);
    const path = new Path(rule, up);
    this.#paths.set(path.number, path);
    return path;
  }

  /** @returns whether it was the one in use */
  remove(number: number): boolean {
    const path = this.#paths.get(number);
    this.#paths.delete(number);
    if (path === undefined || path !== this.#inUse) return false;
    this.#inUse = undefined;
    return true;
  }

  /** Takes another path into use if the one in use is not up or not there. @returns whether it did */
  choose(now: number): boolean {
    const up = [...this.#paths.values()].filter((path) => path.up);
    if (up.length > 0) this.#downSince = undefined;
    else this.#downSince ??= now;
    if (this.#inUse?.up) return false;
    const before = this.#inUse;
    this.#inUse = lightest(up) ?? before ?? lightest([...this.#paths.values()]);
    return this.#inUse !== before;
  }

  /**
   * Whether a path that has just answered is so much better that it should be in use. One that is hardly known takes
   * no other's place: should it fail, that would be noticed late.
   */
  prefers(path: Path): boolean {
    const { inUse } = this;
    if (inUse === undefined || inUse === path) return false;
    return !inUse.up || (path.isKnown && path.rule.weight < worthMoving * inUse.rule.weight);
  }

  use(path: Path): void {
    this.#inUse = path;
  }

  /**
   * Looks at the probes.
   *
   * @param probe sends one
   * @returns whether the path in use is not to be relied on, and another one answers
   */
  check(now: number, active: boolean, probe: (path: Path) => void): boolean {
    for (const path of this.#paths.values()) {
      if (path.up && path.isSilent(now)) path.down();
      if (now - path.lastProbe >= probeInterval(path, active)) {
        path.lastProbe = now;
        probe(path);
      } else if (path === this.#inUse && isSuspicious(path, now)) {
        probe(path);
      }
    }
    const { inUse, warm } = this;
    if (inUse === undefined || warm === undefined) return false;
    const since = inUse.waitingSince;
    if (!inUse.up) return true;
    return (
      since !== undefined && !inUse.isAlive(now) && inUse.late(now) >= suspectAfter && warm.lastEcho > since
    );
  }

  /** Whether an answer is awaited, or wanted soon: then {@link check} has to be called often. */
  get restless(): boolean {
    for (const path of this.#paths.values()) if (path.isNew || (path.up && path.waiting > 0)) return true;
    return false;
  }
}

function probeInterval(path: Path, active: boolean): number {
  return path.isNew ? learnEveryMs : probeEveryMs[active ? 'active' : 'idle'];
}

/** An answer is half late, and no other probe was sent to make sure. */
function isSuspicious(path: Path, now: number): boolean {
  const since = path.waitingSince;
  return path.waiting === 1 && since !== undefined && now - since > path.timeout / 2;
}

function lightest(paths: readonly Path[]): Path | undefined {
  let best: Path | undefined;
  for (const path of paths) if (best === undefined || path.rule.weight < best.rule.weight) best = path;
  return best;
}
