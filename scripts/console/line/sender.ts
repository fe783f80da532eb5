import type { SerialPort } from 'serialport';
import type { Pacing } from './settings.ts';

/** Bytes that the driver is given at once. */
const PIECE = 4096;
const LINE_ENDS = new Set([0x0a, 0x0d]);

/** What is on its way to one open line, in order. It ends with the line. */
export class Sender {
  readonly #port: SerialPort;
  readonly #pacing: Pacing;
  #waiting: Buffer[] = [];
  #queued = 0;
  #pumping = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #watchers: { limit: number; resolve: () => void }[] = [];

  constructor(port: SerialPort, pacing: Pacing) {
    this.#port = port;
    this.#pacing = pacing;
  }

  /** Bytes that the driver has not taken yet. */
  get queued(): number {
    return this.#queued;
  }

  /** Bytes that it has taken. */
  get sent(): number {
    return this.#sent;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0 || this.#closed) return;
    this.#waiting.push(bytes);
    this.#queued += bytes.length;
    if (!this.#pumping) void this.#pump();
  }

  /** Resolves when no more than so many bytes wait, or the line is gone. */
  async atMost(limit: number): Promise<void> {
    if (this.#queued <= limit || this.#closed) return;
    await new Promise<void>((resolve) => this.#watchers.push({ limit, resolve }));
  }

  /** Throws away what waits, but for what the driver is being given. @returns how much that was, in bytes */
  drop(): number {
    const dropped = this.#waiting.reduce((sum, bytes) => sum + bytes.length, 0);
    this.#waiting = [];
    this.#queued -= dropped;
    this.#wake();
    return dropped;
  }

  /** The line is gone. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wake();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      const taken = await this.#give(piece);
      if (!taken) break;
      this.#queued -= piece.length;
      this.#sent += piece.length;
      this.#wake();
      await this.#pause(piece);
      if (this.#closed) break;
    }
    this.#pumping = false;
  }

  #next(): Buffer | undefined {
    const first = this.#waiting.shift();
    if (first === undefined) return undefined;
    const length = this.#pieceOf(first);
    if (length < first.length) this.#waiting.unshift(first.subarray(length));
    return first.subarray(0, length);
  }

  #pieceOf(bytes: Buffer): number {
    if (this.#pacing.byteMs > 0) return 1;
    const end = this.#pacing.lineMs > 0 ? bytes.findIndex((byte) => LINE_ENDS.has(byte)) : -1;
    return Math.min(PIECE, end < 0 ? bytes.length : end + 1);
  }

  /** @returns false when the line is gone: whoever keeps the line hears of that by itself */
  #give(piece: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      if (!this.#port.isOpen) resolve(false);
      else this.#port.write(piece, (error) => resolve(error === null || error === undefined));
    });
  }

  /** Goes on after what the pacing wants; never, when the line is gone before. */
  async #pause(piece: Buffer): Promise<void> {
    const { byteMs, lineMs } = this.#pacing;
    const milliseconds = LINE_ENDS.has(piece.at(-1) ?? 0) ? Math.max(byteMs, lineMs) : byteMs;
    if (milliseconds === 0 || this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#timer = setTimeout(resolve, milliseconds);
    });
  }

  #wake(): void {
    const ready = this.#watchers.filter(({ limit }) => this.#closed || this.#queued <= limit);
    this.#watchers = this.#watchers.filter((watcher) => !ready.includes(watcher));
    for (const { resolve } of ready) resolve();
  }
}
