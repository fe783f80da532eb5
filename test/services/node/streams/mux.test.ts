import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../../services/mesh/types.ts';
import type { Circuit } from '../../../../services/node/circuit/circuit.ts';
import { type CircuitChannel, maxDatagramBytes } from '../../../../services/node/streams/channel.ts';
import { encodeWindow, StreamFrame } from '../../../../services/node/streams/frames.ts';
import { Mux } from '../../../../services/node/streams/mux.ts';
import { CircuitStream } from '../../../../services/node/streams/stream.ts';
import { initialWindow } from '../../../../services/node/streams/window.ts';
import { muxes, Rig } from '../rig.ts';
import {
  eventually,
  frame,
  hashOf,
  openChannel,
  openFrame,
  openStream,
  RawStreams,
  send,
} from './support.ts';

type End = CircuitStream | CircuitChannel;

/** Both ends of a circuit over a relay. */
async function circuit(rig: Rig): Promise<[Circuit, Circuit]> {
  await rig.join('a', 'r');
  await rig.join('r', 'b');
  return rig.circuit([['a', 'r', 'b']]);
}

/** Both ends of a circuit, and what the far one was offered. */
async function joined(rig: Rig): Promise<{ ends: [Mux, Mux]; offered: CircuitStream[] }> {
  const offered: CircuitStream[] = [];
  const ends = muxes(await circuit(rig), (end) => {
    if (end instanceof CircuitStream) offered.push(end);
  });
  return { ends, offered };
}

/** The near end with its streams, and a far end that says what the test wants. */
async function rawPeer(
  rig: Rig,
  take: (end: End) => void | Promise<void> = () => undefined,
): Promise<{ mux: Mux; raw: RawStreams; over: Promise<[string]> }> {
  const [near, far] = await circuit(rig);
  const mux = new Mux(near, { incoming: async (_, end) => take(end), metered: () => undefined });
  const raw = new RawStreams(far);
  return { mux, raw, over: once(near, 'closed') as Promise<[string]> };
}

describe('a stream', () => {
  it('ends one direction and goes on in the other, whichever is first', async () => {
    await using rig = new Rig();
    const { ends, offered } = await joined(rig);
    for (const nearFirst of [true, false]) {
      const near = await openStream(ends[0]);
      const far = offered.pop() as CircuitStream;
      const [first, second] = nearFirst ? [near, far] : [far, near];
      first.end('question');
      expect((await second.toArray()).join('')).toBe('question');
      second.write('answer ');
      second.end('and end');
      expect((await first.toArray()).join('')).toBe('answer and end');
      await Promise.all([finished(near), finished(far)]);
    }
    await eventually(() => expect(ends.map(({ size }) => size)).toEqual([0, 0]));
  });

  it.each([0, 1])('is reset by end %i for a reason that the other one hears', async (by) => {
    await using rig = new Rig();
    const { ends, offered } = await joined(rig);
    const near = await openStream(ends[0]);
    const far = offered[0] as CircuitStream;
    const [one, other] = by === 0 ? [near, far] : [far, near];
    const failed = once(other, 'error');
    one.destroy(new Error('enough of this'));
    expect(await failed).toEqual([new MeshError('reset', 'enough of this')]);
    await eventually(() => expect(ends.map(({ size }) => size)).toEqual([0, 0]));
  });

  it('is refused for the reason that the app gives', async () => {
    await using rig = new Rig();
    const [mux] = muxes(await circuit(rig), () => {
      throw new MeshError('refused', 'not today');
    });
    await expect(openStream(mux)).rejects.toEqual(new MeshError('refused', 'not today'));
    await expect(openChannel(mux)).rejects.toEqual(new MeshError('refused', 'not today'));
    expect(mux.size).toBe(0);
  });

  it('is given up when the app does not answer, and the other end hears of it', async () => {
    await using rig = new Rig();
    const offered: End[] = [];
    const { promise: never } = Promise.withResolvers<void>();
    const [mux, far] = muxes(await circuit(rig), (end) => {
      offered.push(end);
      return never;
    });
    const giveUp = new AbortController();
    const opening = mux.open({ app: 'sink', from: 'source', kind: 'stream' }, giveUp.signal);
    await eventually(() => expect(offered).toHaveLength(1));
    giveUp.abort();
    await expect(opening).rejects.toMatchObject({ code: 'timeout' });
    await eventually(() => expect([mux.size, far.size]).toEqual([0, 0]));
  });

  it('slows down only itself when its app does not read', async () => {
    await using rig = new Rig();
    const {
      ends: [mux],
      offered,
    } = await joined(rig);
    const slow = await openStream(mux);
    const sentSlowly = send(slow, 4 * 1024 * 1024);
    const quick = await openStream(mux);
    const [sent, received] = await Promise.all([
      send(quick, 16 * 1024 * 1024),
      hashOf(offered[1] as CircuitStream),
    ]);
    expect(received).toBe(sent);
    expect(offered[0]?.readableLength).toBe(initialWindow);
    expect(await hashOf(offered[0] as CircuitStream)).toBe(await sentSlowly);
  });

  it('carries its own bytes and no others, with 1,000 of them at once', async () => {
    await using rig = new Rig();
    const [mux, far] = muxes(await circuit(rig), (end) => {
      if (end instanceof CircuitStream) end.pipe(end);
    });
    const hashes = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const stream = await openStream(mux);
        return await Promise.all([send(stream, 1_000 + 37 * index), hashOf(stream)]);
      }),
    );
    for (const [sent, received] of hashes) expect(received).toBe(sent);
    await eventually(() => expect([mux.size, far.size]).toEqual([0, 0]));
  });

  it('fails with all others when its circuit is over, and no new one is opened', async () => {
    await using rig = new Rig();
    const ends = await circuit(rig);
    const [mux] = muxes(ends, () => undefined);
    const stream = await openStream(mux);
    const failed = once(stream, 'error');
    const late = openStream(mux, 'late');
    ends[1].close('the node is going down');
    expect(await failed).toEqual([new MeshError('reset', 'the node is going down')]);
    await expect(late).rejects.toMatchObject({ code: 'reset' });
    await expect(openStream(mux)).rejects.toMatchObject({ code: 'reset' });
  });
});

it('opens no stream under a number that there was before, and keeps those there are', async () => {
  await using rig = new Rig();
  const [near, far] = await circuit(rig);
  const none = { incoming: async () => undefined, metered: () => undefined };
  const mux = new Mux(near, { ...none, maxId: 3 });
  const other = new Mux(far, { ...none, maxId: 2 });
  const streams = [await openStream(mux), await openStream(mux), await openStream(other)];
  for (const end of [mux, other])
    await expect(openStream(end)).rejects.toThrow('this circuit has no numbers for streams any more');
  expect(streams.map(({ id }) => id)).toEqual([1, 3, 2]);
  expect([mux.size, other.size]).toEqual([3, 3]);
  expect([mux.spent, other.spent]).toEqual([true, true]);
});

describe('channels', () => {
  it('carry datagrams both ways, together where they are small, and tell of their end', async () => {
    await using rig = new Rig();
    const ends = await circuit(rig);
    let far: CircuitChannel | undefined;
    const [mux, other] = muxes(ends, (end) => {
      if (!(end instanceof CircuitStream)) far = end;
    });
    const near = await openChannel(mux);
    const got: string[] = [];
    const back: string[] = [];
    let notes = 0;
    ends[1].on('datagrams', () => notes++);
    far?.on('message', (message) => {
      got.push(message.toString());
      far?.send([Buffer.from(`re: ${message}`)]);
    });
    near.on('message', (message) => back.push(message.toString()));
    near.send(['one', 'two', '', 'three'].map((text) => Buffer.from(text)));
    await eventually(() => expect(back).toHaveLength(4));
    expect(got).toEqual(['one', 'two', '', 'three']);
    expect(notes).toBe(1);
    near.send(Array.from({ length: 10 }, (_, index) => Buffer.alloc(600, index)));
    await eventually(() => expect(got).toHaveLength(14));
    expect(notes).toBe(6);

    const closed = once(far as CircuitChannel, 'close');
    near.close();
    near.close();
    near.send([Buffer.from('too late')]);
    expect(await closed).toEqual(['the other end has closed the channel']);
    await eventually(() => expect([mux.size, other.size]).toEqual([0, 0]));
  });

  it('take a datagram as long as may be, and none that is longer', async () => {
    await using rig = new Rig();
    let far: CircuitChannel | undefined;
    const [mux] = muxes(await circuit(rig), (end) => {
      if (!(end instanceof CircuitStream)) far = end;
    });
    const near = await openChannel(mux);
    const arrived = once(far as CircuitChannel, 'message');
    near.send([Buffer.alloc(maxDatagramBytes, 5)]);
    expect((await arrived)[0]).toEqual(Buffer.alloc(maxDatagramBytes, 5));
    expect(() => near.send([Buffer.alloc(maxDatagramBytes + 1)])).toThrow(RangeError);
  });

  it('are over when their circuit is', async () => {
    await using rig = new Rig();
    const ends = await circuit(rig);
    const [mux] = muxes(ends, () => undefined);
    const near = await openChannel(mux);
    const closed = once(near, 'close');
    ends[1].close('gone');
    expect(await closed).toEqual(['gone']);
  });
});

describe('the other end of a circuit is cut off when it', () => {
  const big = Buffer.alloc(60_000);
  it.each<[string, (raw: RawStreams) => Promise<void>, RegExp]>([
    [
      'opens a stream with a number of this end',
      (raw) => raw.send(openFrame(1)),
      /stream 1 cannot be opened/,
    ],
    [
      'opens a stream that is open',
      (raw) => raw.send(openFrame(2), openFrame(2)),
      /stream 2 cannot be opened/,
    ],
    [
      'opens to nothing that is understood',
      (raw) => raw.send(frame(StreamFrame.open, 2, '{}')),
      /nothing that is understood/,
    ],
    [
      'sends a frame of an unknown type',
      (raw) => raw.send(Buffer.of(9, 0, 0, 0, 1, 0, 0, 0)),
      /unknown type 9/,
    ],
    [
      'sends data before its stream is accepted',
      (raw) => raw.send(openFrame(2), frame(StreamFrame.data, 2, 'too soon')),
      /not accepted/,
    ],
    [
      'sends more than a window has room for',
      async (raw) => {
        await raw.send(openFrame(2));
        await raw.frame(StreamFrame.accept);
        for (let sent = 0; sent <= initialWindow; sent += big.length)
          await raw.send(frame(StreamFrame.data, 2, big));
      },
      /more data than a window has room for/,
    ],
    [
      'sends data after the end',
      async (raw) => {
        await raw.send(openFrame(2));
        await raw.frame(StreamFrame.accept);
        await raw.send(frame(StreamFrame.fin, 2), frame(StreamFrame.data, 2, 'more'));
      },
      /data after the end/,
    ],
    [
      'widens a window without bounds',
      async (raw) => {
        await raw.send(openFrame(2));
        await raw.frame(StreamFrame.accept);
        await raw.send(encodeWindow(2, 0xffff_ffff));
      },
      /without bounds/,
    ],
    [
      'gives back a window without a size',
      async (raw) => {
        await raw.send(openFrame(2));
        await raw.frame(StreamFrame.accept);
        await raw.send(frame(StreamFrame.window, 2, 'abc'));
      },
      /window without a size/,
    ],
  ])('%s', async (_, say, reason) => {
    await using rig = new Rig();
    const { raw, over } = await rawPeer(rig);
    await say(raw);
    expect((await over)[0]).toMatch(reason);
  });

  it('sends data on a stream of this end before it has accepted it', async () => {
    await using rig = new Rig();
    const { mux, raw, over } = await rawPeer(rig);
    const opening = openStream(mux);
    const { stream } = await raw.frame(StreamFrame.open);
    await raw.send(frame(StreamFrame.data, stream, 'too soon'));
    expect((await over)[0]).toMatch(/not accepted/);
    await expect(opening).rejects.toMatchObject({ code: 'reset' });
  });
});

describe('the other end of a circuit', () => {
  it('may speak of streams that are not there any more, and never were', async () => {
    await using rig = new Rig();
    const { mux, raw } = await rawPeer(rig);
    const types = [2, 3, 4, 5, 6, 7] as const;
    await raw.send(...types.map((type) => frame(type, 4, type === StreamFrame.window ? 'size' : '')));
    const opening = openStream(mux);
    const { stream } = await raw.frame(StreamFrame.open);
    await raw.send(frame(StreamFrame.accept, stream), frame(StreamFrame.accept, stream));
    (await opening).destroy();
    await raw.frame(StreamFrame.reset);
    await raw.send(frame(StreamFrame.data, stream, 'was under way'));
    const again = openStream(mux);
    await eventually(() =>
      expect(raw.frames.filter(({ type }) => type === StreamFrame.open)).toHaveLength(2),
    );
    await raw.send(frame(StreamFrame.accept, raw.frames.findLast(({ type }) => type === 1)?.stream ?? 0));
    expect(await again).toBeInstanceOf(CircuitStream);
  });

  it('cannot have more streams than there may be, offered ones that it has reset among them', async () => {
    await using rig = new Rig();
    let offered = 0;
    const { promise: never } = Promise.withResolvers<void>();
    const { raw } = await rawPeer(rig, () => {
      offered++;
      return never;
    });
    for (let id = 2; id < 20_000; ) {
      const frames: Buffer[] = [];
      for (; frames.length < 400; id += 2) frames.push(openFrame(id), frame(StreamFrame.reset, id));
      await raw.send(...frames);
    }
    await raw.frame(StreamFrame.refuse);
    await raw.writable();
    expect(offered).toBe(8_192);
  });
});
