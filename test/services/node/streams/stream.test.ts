import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../../services/mesh/types.ts';
import { Identity } from '../../../../services/net/keys.ts';
import { CircuitViolation } from '../../../../services/node/circuit/messages.ts';
import { CircuitStream, type StreamHost } from '../../../../services/node/streams/stream.ts';
import {
  initialWindow,
  maxWindow,
  ReceiveWindow,
  WindowBudget,
} from '../../../../services/node/streams/window.ts';

const remote = { node: Identity.generate().publicKey, app: 'far' };

/** What one stream tells its circuit. */
class Host implements StreamHost {
  readonly budget = new WindowBudget();
  readonly gave: number[] = [];
  readonly ended: (string | undefined)[] = [];
  wanted = 0;

  wants(): void {
    this.wanted++;
  }

  give(_stream: CircuitStream, bytes: number): void {
    this.gave.push(bytes);
  }

  gone(_stream: CircuitStream, reason: string | undefined): void {
    this.ended.push(reason);
  }

  get given(): number {
    return this.gave.reduce((sum, bytes) => sum + bytes, 0);
  }
}

function newStream(): { host: Host; stream: CircuitStream } {
  const host = new Host();
  const stream = new CircuitStream(1, 'near', remote, host);
  stream.on('error', () => undefined);
  return { host, stream };
}

const turn = () => new Promise(setImmediate);

describe('the window of a stream', () => {
  it('is given back once half of it was read, whoever reads it all at once', async () => {
    const { host, stream } = newStream();
    for (let index = 0; index < 4; index++) stream.receive(Buffer.alloc(64 * 1024));
    await turn();
    expect(host.given).toBe(0);
    expect(stream.read()).toHaveLength(initialWindow);
    await turn();
    expect(host.given).toBeGreaterThanOrEqual(initialWindow);
  });

  it('is given back to whoever reads little by little', async () => {
    const { host, stream } = newStream();
    for (let index = 0; index < 4; index++) stream.receive(Buffer.alloc(64 * 1024));
    await turn();
    for (let read = 0; read < initialWindow; read += 1_024) expect(stream.read(1_024)).toHaveLength(1_024);
    await turn();
    expect(host.given).toBeGreaterThanOrEqual(initialWindow / 2);
  });

  it('is not given back as long as nothing is read', async () => {
    const { host, stream } = newStream();
    for (let index = 0; index < 4; index++) {
      stream.receive(Buffer.alloc(64 * 1024));
      await turn();
    }
    expect(host.gave).toEqual([]);
    expect(() => stream.receive(Buffer.of(1))).toThrow(CircuitViolation);
  });

  it('never grows beyond what the other end can have sent, and never closes for good', () => {
    const moves = fc.array(fc.record({ come: fc.nat(100_000), read: fc.nat(100_000) }), { maxLength: 200 });
    fc.assert(
      fc.property(moves, (steps) => {
        const window = new ReceiveWindow(new WindowBudget());
        let left = initialWindow;
        let unread = 0;
        for (const { come, read } of steps) {
          const bytes = Math.min(come, left);
          expect(window.receive(bytes)).toBe(true);
          left -= bytes;
          unread += bytes;
          unread -= Math.min(read, unread);
          left += window.refill(unread);
          expect(left + unread).toBeLessThanOrEqual(maxWindow);
        }
        left += window.refill(0);
        expect(left).toBeGreaterThanOrEqual(initialWindow / 2);
        expect(window.receive(left + 1)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('grows for a stream that is read as fast as it comes, as far as the budget of its circuit', () => {
    const budget = new WindowBudget();
    const windows = Array.from({ length: 20 }, () => new ReceiveWindow(budget));
    const sizeOf = (window: ReceiveWindow) => {
      let size = initialWindow;
      for (let index = 0; index < 20; index++) {
        window.receive(size);
        size = window.refill(0);
      }
      return size;
    };
    const sizes = windows.map(sizeOf);
    expect(sizes[0]).toBe(maxWindow);
    expect(sizes.at(-1)).toBe(initialWindow);
    expect(sizes.reduce((sum, size) => sum + size - initialWindow, 0)).toBeLessThanOrEqual(32 * 1024 * 1024);
    windows[0]?.release();
    expect(sizeOf(windows.at(-1) as ReceiveWindow)).toBeGreaterThan(initialWindow);
  });
});

describe('a stream', () => {
  it('takes no more out than the window of the other end', () => {
    const { stream } = newStream();
    stream.write(Buffer.alloc(300_000));
    let sent = 0;
    for (let data = stream.takeData(65_536); data; data = stream.takeData(65_536)) sent += data.length;
    expect(sent).toBe(initialWindow);
    expect(stream.sendable).toBe(false);
    stream.addWindow(10);
    expect(stream.takeData(65_536)).toHaveLength(10);
  });

  it('ends the circuit over a window without bounds, and over data after the end', () => {
    const { stream } = newStream();
    expect(() => stream.addWindow(0xffff_ffff)).toThrow(CircuitViolation);
    const { stream: other } = newStream();
    other.receiveFin();
    expect(() => other.receive(Buffer.of(1))).toThrow(CircuitViolation);
  });

  it('takes no second end', () => {
    const { stream } = newStream();
    stream.receiveFin();
    expect(() => stream.receiveFin()).toThrow(CircuitViolation);
  });

  it('is gone without a reason only when both directions have ended', async () => {
    const { host, stream } = newStream();
    stream.end('all');
    while (stream.takeData(65_536)) stream.sent();
    await turn();
    expect(stream.ends).toBe(true);
    stream.finSent();
    stream.receiveFin();
    stream.resume();
    await turn();
    expect(host.ended).toEqual([undefined]);

    const { host: second, stream: broken } = newStream();
    broken.destroy();
    broken.destroy();
    await turn();
    expect(second.ended).toEqual(['the app has closed the stream']);
  });

  it('tells its app why it was reset', async () => {
    const { host, stream } = newStream();
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.reset('no more of this');
    expect(await failed).toEqual(new MeshError('reset', 'no more of this'));
    expect(host.ended).toEqual(['no more of this']);
  });
});
