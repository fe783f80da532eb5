import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Circuit } from '../../../../services/node/circuit/circuit.ts';
import { CircuitStream } from '../../../../services/node/streams/stream.ts';
import { muxes, Rig } from '../rig.ts';

const opening = { app: 'sink', from: 'source', kind: 'stream' } as const;

describe('a circuit', () => {
  it('carries a stream over relays, both ways, to its very end', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    await rig.join('r', 's');
    await rig.join('s', 'b');
    const transfer = new Transfer(rig.circuit([['a', 'r', 's', 'b']]));
    await transfer.run(8 * 1024 * 1024);
  });

  it('goes on when the path in use is cut, and when the other one is cut after the first came back', async () => {
    await using rig = new Rig();
    const ends = await circuitOverTwoWays(rig);
    const transfer = new Transfer(ends);
    const done = transfer.run(64 * 1024 * 1024);
    await transfer.reached(8 * 1024 * 1024);
    rig.cable('r', 'b').sockets[0].destroy();
    await transfer.reached(24 * 1024 * 1024);
    await rig.join('r', 'b');
    await transfer.reached(40 * 1024 * 1024);
    rig.cable('a', 's').sockets[0].destroy();
    await done;
  });

  it('goes on past a path that swallows everything', async () => {
    await using rig = new Rig();
    const ends = await circuitOverTwoWays(rig);
    const transfer = new Transfer(ends);
    const done = transfer.run(32 * 1024 * 1024);
    await transfer.reached(4 * 1024 * 1024);
    // Nothing is read from it any more, and nobody is told.
    for (const socket of rig.cable('a', 'r').sockets) socket.pause();
    await done;
    expect(ends[0].paths.find(({ inUse }) => inUse)?.path).toBe(1);
  });

  it('brings back what was lost on a path that it had just left for a lighter one', async () => {
    await using rig = new Rig();
    await twoWays(rig);
    const ends = rig.circuit([['a', 'r', 'b']]);
    const transfer = new Transfer(ends);
    rig.addPath(ends, 1, ['a', 's', 'b'], 100);
    let moved = false;
    ends[0].once('moved', (path) => {
      moved = path === 1;
      // The path before swallows what is under way, and says nothing.
      for (const socket of rig.cable('a', 'r').sockets) socket.pause();
    });
    while (!moved) await transfer.run(32 * 1024 * 1024);
  });

  it('waits for a path when there is none, and goes on with one that comes', async () => {
    await using rig = new Rig();
    await twoWays(rig);
    const ends = rig.circuit([['a', 'r', 'b']]);
    const transfer = new Transfer(ends);
    const done = transfer.run(16 * 1024 * 1024);
    await transfer.reached(2 * 1024 * 1024);
    rig.cable('a', 'r').sockets[0].destroy();
    rig.addPath(ends, 1, ['a', 's', 'b'], 1_000);
    await done;
  });

  it('renews its keys under way', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const ends = rig.circuit([['a', 'b']], { rekey: { bytes: 2 * 1024 * 1024, ms: 3_600_000 } });
    const transfer = new Transfer(ends);
    while (ends.some(({ epoch }) => epoch <= 2)) await transfer.run(8 * 1024 * 1024);
  });

  it('ends its streams, and never quietly, when the other end was started anew', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const ends = rig.circuit([['a', 'b']]);
    const transfer = new Transfer(ends);
    const done = transfer.run(1024 * 1024 * 1024);
    await transfer.reached(1024 * 1024);
    // What a new process at the other end knows of the circuit: its path, from the manager.
    rig.forget(ends[1], 0);
    await rig.join('a', 'b');
    await expect(done).rejects.toThrow(/anew|over/);
  });

  it('tells the other end when it is closed', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const ends = rig.circuit([['a', 'b']]);
    await Promise.all(ends.map((end) => (end.isReady ? undefined : once(end, 'ready'))));
    const closed = once(ends[1], 'closed');
    ends[0].close('nothing uses it');
    expect(await closed).toEqual(['nothing uses it']);
  });

  it('loses, doubles and reorders nothing over a relay that drops, doubles, reorders and delays', async () => {
    await using rig = new Rig();
    const ends = await circuitOverTwoWays(rig);
    rig.corrupt('r', 12_345);
    const transfer = new Transfer(ends);
    await transfer.run(8 * 1024 * 1024);
  });
});

/** A circuit from a to b that has both ways between them. */
async function circuitOverTwoWays(rig: Rig): Promise<[Circuit, Circuit]> {
  await twoWays(rig);
  return rig.circuit([
    ['a', 'r', 'b'],
    ['a', 's', 'b'],
  ]);
}

/** Two ways from a to b. */
async function twoWays(rig: Rig): Promise<void> {
  await rig.join('a', 'r');
  await rig.join('r', 'b');
  await rig.join('a', 's');
  await rig.join('s', 'b');
}

/** Random bytes through a circuit, echoed, and compared by their hashes. */
class Transfer {
  readonly #ends: readonly [Circuit, Circuit];
  readonly #near;
  #received = 0;
  #waiting: { bytes: number; resolve(): void }[] = [];

  constructor(ends: readonly [Circuit, Circuit]) {
    this.#ends = ends;
    [this.#near] = muxes(ends, (end) => {
      if (!(end instanceof CircuitStream)) throw new Error('not a stream');
      end.on('data', (chunk: Buffer) => this.#count(chunk.length));
      end.pipe(end);
    });
  }

  get received(): number {
    return this.#received;
  }

  /** Resolves when so many bytes have come to the other end. */
  reached(bytes: number): Promise<void> {
    if (this.#received >= bytes) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ bytes, resolve });
    return promise;
  }

  async run(bytes: number): Promise<void> {
    const stream = await this.#near.open(opening, AbortSignal.timeout(60_000));
    if (!(stream instanceof CircuitStream)) throw new Error('not a stream');
    const [sent, received] = await Promise.all([send(stream, bytes), hashOf(stream)]);
    expect(received).toEqual(sent);
    expect(this.#ends.map(({ closed }) => closed)).toEqual([false, false]);
  }

  #count(bytes: number): void {
    this.#received += bytes;
    for (const { bytes: wanted, resolve } of this.#waiting) if (this.#received >= wanted) resolve();
    this.#waiting = this.#waiting.filter(({ bytes: wanted }) => wanted > this.#received);
  }
}

async function send(stream: Duplex, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  const block = randomBytes(200_000);
  for (let left = bytes; left > 0; left -= block.length) {
    const chunk = block.subarray(0, Math.min(left, block.length));
    hash.update(chunk);
    if (!stream.write(chunk)) await once(stream, 'drain');
  }
  stream.end();
  return hash.digest('hex');
}

async function hashOf(stream: Duplex): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}
