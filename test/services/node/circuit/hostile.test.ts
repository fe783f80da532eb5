import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Circuit, CircuitOptions } from '../../../../services/node/circuit/circuit.ts';
import { LOST, MessageType } from '../../../../services/node/circuit/messages.ts';
import { CircuitStream } from '../../../../services/node/streams/stream.ts';
import { flipped, HostileRelay, type Treatment } from '../hostile-relay.ts';
import { muxes, Rig } from '../rig.ts';

const opening = { app: 'sink', from: 'source', kind: 'stream' } as const;

/** A circuit from a to b over a relay that does what a test wants. */
async function over(
  rig: Rig,
  treatment: Treatment,
  options: Partial<CircuitOptions> = {},
): Promise<{ ends: [Circuit, Circuit]; relay: HostileRelay }> {
  const relay = await HostileRelay.between(rig, 'a', 'b');
  relay.treatment = treatment;
  const ends = rig.ends('a', 'b', options);
  relay.addPath(rig, ['a', 'b'], ends, 0);
  return { ends, relay };
}

const honest: Treatment = (message, send) => send(message);

function isStep(message: Buffer, step: number): boolean {
  return message[0] === MessageType.handshake && message[2] === step;
}

async function ready(ends: readonly Circuit[]): Promise<void> {
  await Promise.all(ends.map((end) => (end.isReady ? undefined : once(end, 'ready'))));
}

/** Sends so many bytes through a circuit and back, and again until `enough`. */
async function echo(ends: readonly [Circuit, Circuit], bytes: number, enough = () => true): Promise<void> {
  const [near] = muxes(ends, (end) => {
    if (end instanceof CircuitStream) end.pipe(end);
  });
  do {
    const stream = await near.open(opening, AbortSignal.timeout(60_000));
    if (!(stream instanceof CircuitStream)) throw new Error('not a stream');
    const sent = randomBytes(bytes);
    stream.end(sent);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
  } while (!enough());
}

describe('a circuit over a hostile relay', () => {
  it('goes on although the relay says again and again that the other end has lost it', async () => {
    await using rig = new Rig();
    const { ends } = await over(rig, (message, send) => {
      send(LOST);
      send(message);
      send(LOST);
    });
    await ready(ends);
    await echo(ends, 4 * 1024 * 1024);
    // Whoever hears from the other end knows better.
    expect(ends.map(({ closed, epoch }) => ({ closed, epoch }))).toEqual([
      { closed: false, epoch: 0 },
      { closed: false, epoch: 0 },
    ]);
  });

  it('comes about when message 3 of its handshake is lost', async () => {
    await using rig = new Rig();
    let lost = 0;
    const { ends } = await over(rig, (message, send) => {
      if (!isStep(message, 3) || lost++ > 0) send(message);
    });
    await ready(ends);
    expect(lost).toBeGreaterThan(1);
    await echo(ends, 1024 * 1024);
  });

  it.each([1, 2, 3])(
    'comes about when message %i of its handshake comes changed, and then twice',
    async (step) => {
      await using rig = new Rig();
      let changed = 0;
      const { ends } = await over(rig, (message, send) => {
        if (!isStep(message, step)) {
          send(message);
          return;
        }
        if (changed++ === 0) send(flipped(message, message.length - 1));
        send(message);
        send(message);
      });
      await ready(ends);
      await echo(ends, 1024 * 1024);
    },
  );

  it('comes about over an honest relay although another one forges every message of its handshake', async () => {
    await using rig = new Rig();
    const { ends } = await over(rig, (message, send) => {
      for (let index = 0; index < 10; index++) send(flipped(message, message.length - 1 - index));
    });
    await rig.join('a', 's');
    await rig.join('s', 'b');
    rig.addPath(ends, 1, ['a', 's', 'b'], 2_000);
    await ready(ends);
    await echo(ends, 1024 * 1024);
  });

  it('renews its keys over a relay that loses the first message 3 of each handshake', async () => {
    await using rig = new Rig();
    const seen = new Set<number>();
    const { ends } = await over(
      rig,
      (message, send) => {
        const epoch = message[1] ?? 0;
        if (isStep(message, 3) && !seen.has(epoch)) seen.add(epoch);
        else send(message);
      },
      { rekey: { bytes: 1024 * 1024, ms: 3_600_000 } },
    );
    await ready(ends);
    await echo(ends, 2 * 1024 * 1024, () => ends.every(({ epoch }) => epoch >= 2));
    expect(ends.map(({ closed }) => closed)).toEqual([false, false]);
  });

  it('says that a message was changed, and delivers only the true ones', async () => {
    await using rig = new Rig();
    const { ends, relay } = await over(rig, honest);
    await ready(ends);
    await rig.join('a', 's');
    await rig.join('s', 'b');
    rig.addPath(ends, 1, ['a', 's', 'b'], 2_000);
    const problems: string[] = [];
    for (const end of ends) end.on('problem', (message) => problems.push(message));
    let count = 0;
    relay.treatment = (message, send) => {
      if (message[0] === MessageType.record && count++ % 3 === 0)
        send(flipped(message, 10 + (count % (message.length - 10))));
      else send(message);
    };
    await echo(ends, 4 * 1024 * 1024);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.every((problem) => problem.endsWith('a message was changed on its way'))).toBe(true);
  });

  it('takes nothing that a relay makes up, and does not end over it', async () => {
    await using rig = new Rig();
    const { ends, relay } = await over(rig, honest);
    await ready(ends);
    let made = 0;
    relay.treatment = (message, send) => {
      for (let index = 0; index < 20; index++) {
        const noise = randomBytes(1 + (made++ % 80));
        noise[0] = made % 6;
        if (noise.length > 1) noise[1] = 0;
        send(noise);
      }
      send(message);
    };
    await echo(ends, 1024 * 1024);
    expect(made).toBeGreaterThan(100);
    expect(ends.map(({ closed }) => closed)).toEqual([false, false]);
  });

  it('delivers each record once although all come many times and in any order', async () => {
    await using rig = new Rig();
    const { ends, relay } = await over(rig, honest);
    await ready(ends);
    const before: Buffer[] = [];
    relay.treatment = (message, send) => {
      before.push(message);
      for (let index = before.length - 1; index >= Math.max(0, before.length - 5); index--)
        send(before[index] ?? message);
    };
    await echo(ends, 4 * 1024 * 1024);
  });
});
