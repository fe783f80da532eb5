import type { Socket } from 'node:net';

/** What a board that reads nothing may have waiting, in bytes; what comes on top is lost, as on a switch. */
const MAX_WAITING = 4 * 1024 * 1024;

interface Waiting {
  wire: Buffer;
  /** `performance.now()` at which it goes out. */
  due: number;
}

/**
 * The way out of the hub to one board: sends frames in the order they came, each after its delay, and holds a
 * bounded number of bytes.
 */
export class Line {
  readonly #socket: Socket;
  readonly #delayed: Waiting[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @returns whether there was room for the frame */
  send(wire: Buffer, delayMs: number): boolean {
    if (this.#bytes + wire.length > MAX_WAITING) return false;
    this.#bytes += wire.length;
    // A frame whose delay is shorter than that of the one before it waits for that one.
    const due = Math.max(performance.now() + delayMs, this.#delayed.at(-1)?.due ?? 0);
    if (delayMs === 0 && this.#delayed.length === 0) this.#write(wire);
    else this.#delayed.push({ wire, due });
    this.#schedule();
    return true;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#delayed.length = 0;
  }

  #schedule(): void {
    const first = this.#delayed[0];
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#writeDue();
        this.#schedule();
      },
      Math.max(0, first.due - performance.now()),
    );
  }

  #writeDue(): void {
    const now = performance.now();
    const later = this.#delayed.findIndex(({ due }) => due > now);
    const ready = this.#delayed.splice(0, later < 0 ? this.#delayed.length : later);
    for (const { wire } of ready) this.#write(wire);
  }

  #write(wire: Buffer): void {
    this.#socket.write(wire, () => {
      this.#bytes -= wire.length;
    });
  }
}
