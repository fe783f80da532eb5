import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, vi } from 'vitest';
import type { Circuit } from '../../../../services/node/circuit/circuit.ts';
import { CircuitChannel } from '../../../../services/node/streams/channel.ts';
import {
  encodeFrameHead,
  type Frame,
  type Opening,
  readFrames,
  StreamFrame,
  type StreamFrameType,
} from '../../../../services/node/streams/frames.ts';
import type { Mux } from '../../../../services/node/streams/mux.ts';
import { CircuitStream } from '../../../../services/node/streams/stream.ts';

export const soon = () => AbortSignal.timeout(60_000);
export const eventually = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 5 });

export async function openStream(mux: Mux, app = 'sink'): Promise<CircuitStream> {
  const end = await mux.open({ app, from: 'source', kind: 'stream' }, soon());
  if (end instanceof CircuitStream) return end;
  throw new Error('not a stream');
}

export async function openChannel(mux: Mux): Promise<CircuitChannel> {
  const end = await mux.open({ app: 'sink', from: 'source', kind: 'channel' }, soon());
  if (end instanceof CircuitChannel) return end;
  throw new Error('not a channel');
}

/** Sends so many random bytes, and ends. @returns their hash */
export async function send(stream: Duplex, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const block = randomBytes(Math.min(bytes, 200_000));
  for (let left = bytes; left > 0; left -= block.length) {
    const chunk = block.subarray(0, Math.min(left, block.length));
    hash.update(chunk);
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  return hash.digest('hex');
}

export async function hashOf(stream: Duplex): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

/** The end of a circuit that says in frames what a test wants. */
export class RawStreams {
  readonly frames: Frame[] = [];
  /** Whether what comes is kept in {@link frames}. */
  keep = true;
  readonly #circuit: Circuit;

  constructor(circuit: Circuit) {
    this.#circuit = circuit;
    circuit.on('record', (plaintext) => {
      if (this.keep) this.frames.push(...readFrames(Buffer.from(plaintext)));
    });
  }

  async send(...frames: Buffer[]): Promise<void> {
    await this.writable();
    if (!this.#circuit.closed)
      this.#circuit.sendRecord(
        frames,
        frames.reduce((sum, { length }) => sum + length, 0),
      );
  }

  /** Resolves when something can be sent, or nothing any more. */
  async writable(): Promise<void> {
    while (!this.#circuit.writable && !this.#circuit.closed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const done = () => resolve();
      this.#circuit.once('writable', done).once('closed', done);
      await promise;
      this.#circuit.off('writable', done).off('closed', done);
    }
  }

  /** Waits for a frame of this type. */
  async frame(type: StreamFrameType): Promise<Frame> {
    let found: Frame | undefined;
    await eventually(() => {
      found = this.frames.find((frame) => frame.type === type);
      expect(found).toBeDefined();
    });
    return found as Frame;
  }
}

export function frame(type: StreamFrameType, stream: number, payload: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([encodeFrameHead(type, stream, bytes.length), bytes]);
}

export function openFrame(stream: number, opening: Partial<Opening> = {}): Buffer {
  const whole = { app: 'sink', from: 'source', kind: 'stream', ...opening };
  return frame(StreamFrame.open, stream, JSON.stringify(whole));
}
