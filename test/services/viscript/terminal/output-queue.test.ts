import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { OutputQueue } from '../../../../services/viscript/terminal/output-queue.ts';

/** A line that takes a chunk only when told to. */
class SlowLine extends Writable {
  taken = '';
  #next: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 1 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken += chunk.toString();
    this.#next = done;
  }

  /** Takes everything that comes until nothing more is waiting. */
  async takeAll(): Promise<void> {
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined;
      next();
      await new Promise(setImmediate);
    }
  }
}

describe('OutputQueue', () => {
  it('holds a source back until the line has taken enough', async () => {
    const line = new SlowLine();
    const queue = new OutputQueue(line, 1_000_000);
    let ready = false;
    const written = queue.write('x'.repeat(100_000)).then(() => {
      ready = true;
    });
    await new Promise(setImmediate);
    expect(ready).toBe(false);
    await line.takeAll();
    await written;
    expect(line.taken).toHaveLength(100_000);
  });

  it('gives a line at most 4 KiB that can no longer be thrown away', async () => {
    const line = new SlowLine();
    const queue = new OutputQueue(line, 1_000_000);
    void queue.write('x'.repeat(100_000));
    queue.discard();
    void queue.write('\n^C');
    await line.takeAll();
    expect(line.taken).toBe(`${'x'.repeat(4096)}\n^C`);
  });

  it('leaves out what does not fit and says how much, in its place', async () => {
    const line = new SlowLine();
    const queue = new OutputQueue(line, 10_000);
    for (let n = 0; n < 30; n += 1) void queue.write(String(n % 10).repeat(1000));
    await line.takeAll();
    void queue.write('after');
    await line.takeAll();
    expect(line.taken).toMatch(/^0+1+.*\r\n\[\d+ characters left out: .*\]\r\nafter$/s);
    const left = Number(/\[(\d+) characters/.exec(line.taken)?.[1]);
    expect(line.taken.replace(/[^0-9]/g, '').length + left - String(left).length).toBe(30_000);
  });

  it('never cuts a character in two', async () => {
    const line = new SlowLine();
    const queue = new OutputQueue(line, 1_000_000);
    void queue.write(`x${'🙂'.repeat(10_000)}`);
    await line.takeAll();
    expect(line.taken).toBe(`x${'🙂'.repeat(10_000)}`);
  });

  it('lets a waiting source go when the line is closed', async () => {
    const line = new SlowLine();
    const queue = new OutputQueue(line, 1_000_000);
    const written = queue.write('x'.repeat(100_000));
    line.destroy();
    await written;
    await queue.flush();
  });
});
