/** Bytes that each direction of a stream may have under way at first, and at most. */
export const initialWindow = 256 * 1024;
export const maxWindow = 4 * 1024 * 1024;

/** What the wider windows of a circuit may have together beyond their first size, bytes. */
export class WindowBudget {
  #left = 32 * 1024 * 1024;

  take(bytes: number): boolean {
    if (this.#left < bytes) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * The receiving side of a stream's flow control: what the other end may still send, and when to give back what the
 * app has read.
 *
 * INVARIANT: what the other end may send + what it has sent and the app has not read = the window's size.
 */
export class ReceiveWindow {
  readonly #budget: WindowBudget;
  #size = initialWindow;
  /** What the other end may still send. */
  #left = initialWindow;
  /** The least that was left since something was given back. */
  #least = initialWindow;

  constructor(budget: WindowBudget) {
    this.#budget = budget;
  }

  /** @returns false when the other end sends more than it may */
  receive(bytes: number): boolean {
    this.#left -= bytes;
    if (this.#left < this.#least) this.#least = this.#left;
    return this.#left >= 0;
  }

  /** @param unread bytes that the app has not read @returns what to give back to the other end; 0 for nothing yet */
  refill(unread: number): number {
    const read = this.#size - this.#left - unread;
    if (read < this.#size / 2) return 0;
    const wider = this.#widen(unread);
    this.#left += read + wider;
    this.#least = this.#left;
    return read + wider;
  }

  release(): void {
    this.#budget.give(this.#size - initialWindow);
    this.#size = initialWindow;
  }

  /** A stream that is read as fast as it comes, and yet fills its window, could be faster. */
  #widen(unread: number): number {
    const fills = this.#least < this.#size / 2 && unread < this.#size / 4;
    if (!fills || this.#size >= maxWindow || !this.#budget.take(this.#size)) return 0;
    const wider = this.#size;
    this.#size *= 2;
    return wider;
  }
}
