import { expect, it } from 'vitest';
import { FrameType, Link } from '../../../../services/net/link/link.ts';
import { RecordReader } from '../../../../services/net/link/record-reader.ts';
import { SessionInitiator } from '../../../../services/net/session/session.ts';
import { socketPair } from '../sockets.ts';
import {
  closeAll,
  eventually,
  type Frame,
  frames,
  linkAndRaw,
  linkPair,
  RawEnd,
  sessionPair,
} from './support.ts';

/** Two links, and how many handshakes both ends have finished after the first one. */
async function countingPair(rekey: {
  bytes?: number;
  seconds?: number;
}): Promise<{ ends: [Link, Link]; renewals(): number }> {
  let accepted = 0;
  const accept = () => ++accepted > 0;
  const options = { rekey, pingMs: 10 };
  const ends = await linkPair(options, options, accept);
  return { ends, renewals: () => accepted / 2 - 1 };
}

it('renews its keys under traffic in both directions, and everything arrives once and in order', async () => {
  const { ends, renewals } = await countingPair({ bytes: 1024 * 1024 });
  const payload = Buffer.alloc(20_000);
  await Promise.all(
    [ends, [ends[1], ends[0]] as const].map(async ([from, to]) => {
      let got = 0;
      const { promise: done, resolve, reject } = Promise.withResolvers<void>();
      to.on('frame', (_, label, { length }) => {
        if (label !== got++ || length !== 20_000) reject(new Error(`frame ${label} came as number ${got}`));
        if (renewals() >= 5) resolve();
      });
      let stop = false;
      const ended = done.finally(() => {
        stop = true;
      });
      for (let label = 0; !stop; ) {
        while (from.backlog < 512 * 1024) from.send(FrameType.data, label++, [payload]);
        await new Promise(setImmediate);
      }
      await ended;
    }),
  );
  await closeAll(...ends);
});

it('renews keys that are old, also when nothing is sent', async () => {
  const { ends, renewals } = await countingPair({ seconds: 0.02 });
  await eventually(() => expect(renewals()).toBeGreaterThanOrEqual(5));
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, 1);
    from.send(FrameType.data, 1, [Buffer.from('still here')]);
    expect((await arrived)[0]?.payload.toString()).toBe('still here');
  }
  await closeAll(...ends);
});

it('ends a link whose neighbour is not admitted any more', async () => {
  let admitted = true;
  const [streams, sessions] = [await socketPair(), sessionPair(() => admitted)];
  admitted = false;
  const options = { rekey: { seconds: 0 }, pingMs: 20 };
  const ends = streams.map((stream, index) => new Link(stream, sessions[index] ?? sessions[0], options));
  const [first] = ends;
  expect(await first?.closed).toBe(
    `keys could not be renewed with ${first?.remote}: message 2: ${first?.remote} is not admitted here for a link`,
  );
  await Promise.all(ends.map(({ closed }) => closed));
});

it('ends a link whose neighbour does not answer', async () => {
  const [link, raw] = await linkAndRaw({ rekey: { seconds: 0, timeoutSeconds: 0.05 }, pingMs: 30 }, false);
  raw.read();
  expect(await link.closed).toBe(`${link.remote} sent nothing that ends the renewal of keys within 0.05 s`);
  expect(raw.frames.filter(({ type }) => type === FrameType.rekey)).toHaveLength(1);
});

it('starts no handshake when it has the larger key, and lets nobody else start one', async () => {
  const [large, end] = await linkAndRaw({ rekey: { seconds: 0 }, pingMs: 10 });
  end.read();
  for (let count = 0; count < 3; count++) {
    await end.frame(FrameType.ping);
    end.frames.splice(0, end.frames.findIndex(({ type }) => type === FrameType.ping) + 1);
    end.socket.write(end.record(FrameType.down, 1, Buffer.of()));
  }
  expect(end.frames.filter(({ type }) => type === FrameType.rekey)).toEqual([]);
  await closeAll(large);

  const [small, raw] = await linkAndRaw({}, false);
  raw.socket.resume().write(raw.record(FrameType.rekey, 0, rekey(Buffer.alloc(42))));
  expect(await small.closed).toBe(`${small.remote} sent a REKEY frame out of turn`);
});

it('refuses a handshake that is none', async () => {
  const [link, raw] = await linkAndRaw();
  raw.socket.resume().write(raw.record(FrameType.rekey, 0, rekey(Buffer.alloc(42))));
  expect(await link.closed).toMatch(
    `keys could not be renewed with ${link.remote}: message 1: the other end does not begin a session`,
  );
});

it('goes over to the new key in each direction with its SWITCH, as the protocol has it', async () => {
  const [link, raw, seen] = await renewed();
  // This end's direction has changed, so has the link's.
  const arrived = frames(link, 1);
  raw.socket.write(raw.record(FrameType.data, 1, Buffer.from('new key')));
  expect((await arrived)[0]?.payload.toString()).toBe('new key');
  link.send(FrameType.down, 5, []);
  while (!seen.some(({ label }) => label === 5)) await new Promise(setImmediate);
  await closeAll(link);
});

it('takes nothing that is sealed with the old key after SWITCH', async () => {
  const [link, , , old] = await renewed();
  old.socket.write(old.record(FrameType.down, 1, Buffer.of()));
  expect(await link.closed).toBe(`${link.remote} sent a record that was changed on its way`);
});

/** A link that a raw end has renewed the keys with, the raw end with new and old keys, and what the link sends. */
async function renewed(): Promise<[Link, RawEnd, Frame[], RawEnd]> {
  const [link, old] = await linkAndRaw();
  const initiator = new SessionInitiator(old.session.renewal);
  const { promise, resolve } = Promise.withResolvers<RawEnd>();
  const seen: Frame[] = [];
  let fresh = old;
  const reader = new RecordReader(old.session.receive, (type, label, payload) => {
    seen.push({ type, label, payload });
    if (type === FrameType.rekey) {
      const { third, session } = initiator.answer(payload.subarray(2));
      fresh = new RawEnd(old.socket, session);
      const last = Buffer.concat([
        old.record(FrameType.rekey, 0, rekey(third)),
        old.record(FrameType.switch, 0, Buffer.of()),
      ]);
      old.socket.write(last);
    } else if (type === FrameType.switch) {
      reader.cipher = fresh.session.receive;
      resolve(fresh);
    }
  });
  old.socket.on('data', (chunk: Buffer) => reader.push(chunk));
  old.socket.write(old.record(FrameType.rekey, 0, rekey(initiator.first)));
  return [link, await promise, seen, old];
}

function rekey(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
