import koffi from 'koffi';

const PAGE = 4096;

/**
 * Buffers that O_DIRECT takes: the kernel reads into them and writes from them past its cache, and for that they have to
 * begin at a page. Node's begin anywhere, so they are cut out of a larger one, whose address is asked for.
 */
export class BufferPool {
  readonly size: number;
  readonly #free: Buffer[] = [];
  readonly #waiting: ((buffer: Buffer) => void)[] = [];

  /** @param size bytes of a buffer, a multiple of 4096 */
  constructor(count: number, size: number) {
    this.size = size;
    const memory = Buffer.alloc(count * size + PAGE);
    const first = PAGE - Number(koffi.address(memory) % BigInt(PAGE));
    for (let at = 0; at < count; at++)
      this.#free.push(memory.subarray(first + at * size, first + (at + 1) * size));
  }

  /** A buffer with anything in it; waits until one is free. */
  take(): Promise<Buffer> {
    const buffer = this.#free.pop();
    if (buffer !== undefined) return Promise.resolve(buffer);
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /** Takes back what {@link take} has given, whole. */
  give(buffer: Buffer): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(buffer);
    else next(buffer);
  }

  /** Lends a buffer for as long as `use` takes. */
  async lend<T>(use: (buffer: Buffer) => Promise<T>): Promise<T> {
    const buffer = await this.take();
    try {
      return await use(buffer);
    } finally {
      this.give(buffer);
    }
  }
}
