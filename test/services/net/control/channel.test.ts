import { once } from 'node:events';
import type { Socket } from 'node:net';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ControlOptions, channelOfSession } from '../../../../services/net/control/channel.ts';
import { Identity } from '../../../../services/net/keys.ts';
import {
  type Session,
  SessionInitiator,
  SessionResponder,
} from '../../../../services/net/session/session.ts';
import type { Channel } from '../../../../services/signal/channel.ts';
import { Peer } from '../../../../services/signal/jsonrpc.ts';
import { fuzzRuns } from '../../../fuzz.ts';
import { closed, socketPair } from '../sockets.ts';

function sessionPair(): [Session, Session] {
  const options = { purpose: 'control', accept: () => true } as const;
  const initiator = new SessionInitiator({ ...options, identity: Identity.generate() });
  const responder = new SessionResponder({ ...options, identity: Identity.generate() });
  const { third, session } = initiator.answer(responder.answer(initiator.first));
  return [session, responder.finish(third)];
}

async function pair(options?: ControlOptions): Promise<[Channel, Channel]> {
  const [sockets, sessions] = [await socketPair(), sessionPair()];
  return [
    channelOfSession(sockets[0], sessions[0], options),
    channelOfSession(sockets[1], sessions[1], options),
  ];
}

/** A channel, its session, and the other end of its connection with the session that belongs to it. */
async function withRaw(
  options?: ControlOptions,
): Promise<{ channel: Channel; session: Session; raw: Socket; other: Session }> {
  const [[socket, raw], [session, other]] = [await socketPair(), sessionPair()];
  raw.on('error', () => undefined);
  return { channel: channelOfSession(socket, session, options), session, raw, other };
}

function reasonOf(channel: Channel): Promise<string> {
  return new Promise((resolve) => channel.onClose(resolve));
}

function messages(channel: Channel, count: number): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<string[]>();
  const got: string[] = [];
  channel.onMessage((text) => got.push(text) === count && resolve(got));
  channel.onClose((reason) => reject(new Error(reason)));
  return promise;
}

function sealed(session: Session, plaintext: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(plaintext.length + 16);
  return Buffer.concat([head, session.send.seal(head, plaintext)]);
}

it('carries texts in both directions, whole and in order', async () => {
  const [a, b] = await pair();
  const texts = ['', '{"jsonrpc":"2.0"}', 'ĄŻ€😀', 'x'.repeat(1024 * 1024), 'last'];
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const got = messages(to, texts.length);
    for (const text of texts) from.send(text);
    expect(await got).toEqual(texts);
  }
  a.close();
  expect(await reasonOf(b)).toBe('the other end closed the connection');
});

it('serves JSON-RPC', async () => {
  const [a, b] = await pair();
  const asking = new Peer(a);
  const number = { parse: Number };
  new Peer(b).handle('node.count', { parse: (list) => (Array.isArray(list) ? list.length : 0) }, (it) => it);
  expect(await asking.call('node.count', ['a', 'b'], number)).toBe(2);
  asking.close();
  await reasonOf(b);
});

it('sends what is queued before it closes, and says why at this end', async () => {
  const [a, b] = await pair();
  const got = messages(b, 2);
  a.send('x'.repeat(1_000_000));
  a.send('last');
  a.close(1000, 'going down');
  a.send('too late');
  expect((await got)[1]).toBe('last');
  expect(await reasonOf(a)).toBe('going down');
});

it('tells a callback that comes late, and one on a stream that is gone', async () => {
  const [[socket, other], [session]] = [await socketPair(), sessionPair()];
  other.destroy();
  await closed(socket.resume());
  const channel = channelOfSession(socket, session);
  channel.send('into the void');
  channel.close();
  await channel.drained();
  expect(await reasonOf(channel)).toBe('the connection was closed');
  expect(await reasonOf(channel)).toBe('the connection was closed');
});

it('closes within a second or so though the other end does not read', async () => {
  const { channel } = await withRaw();
  for (let count = 0; count < 12; count++) channel.send('x'.repeat(1024 * 1024));
  channel.close(1000, 'going down');
  expect(await reasonOf(channel)).toBe('going down');
});

it('says when the other end has taken what was sent', async () => {
  const { channel, raw } = await withRaw();
  for (let count = 0; count < 12; count++) channel.send('x'.repeat(1024 * 1024));
  let drained = false;
  const waiting = channel.drained().then(() => {
    drained = true;
  });
  await new Promise(setImmediate);
  expect(drained).toBe(false);
  raw.resume();
  await waiting;
  channel.close();
  await reasonOf(channel);
});

it('takes a message that comes byte by byte', async () => {
  const { channel, raw, other } = await withRaw();
  const got = messages(channel, 1);
  for (const byte of sealed(other, Buffer.from('slowly')))
    await new Promise((done) => raw.write(Buffer.of(byte), done));
  expect(await got).toEqual(['slowly']);
  channel.close();
});

describe('the other end is cut off, and named', () => {
  it.each<[string, (other: Session) => Buffer, string]>([
    [
      'a message that is too long',
      () => Buffer.of(0, 0x10, 0, 0x11),
      'a message has more than 1048576 bytes',
    ],
    ['a message shorter than its tag', () => Buffer.of(0, 0, 0, 15), '15 bytes are too few for a record'],
    [
      'noise',
      () => Buffer.concat([Buffer.of(0, 0, 0, 20), Buffer.alloc(20)]),
      'a message was changed on its way',
    ],
    ['what is not UTF-8', (other) => sealed(other, Buffer.of(0xff, 0xfe)), 'a message is not UTF-8'],
    [
      'a message twice',
      (other) => {
        const once = sealed(other, Buffer.from('pay'));
        return Buffer.concat([once, once]);
      },
      'a message was changed on its way',
    ],
    [
      'a message after another was left out',
      (other) => {
        sealed(other, Buffer.from('left out'));
        return sealed(other, Buffer.from('next'));
      },
      'a message was changed on its way',
    ],
  ])('for %s', async (_, make, said) => {
    const { channel, session, raw, other } = await withRaw();
    const gone = closed(raw.resume());
    raw.write(make(other));
    expect(await reasonOf(channel)).toBe(`${session.remote}: ${said}`);
    await gone;
  });

  it('for any bit that is changed', async () => {
    const length = sealed(sessionPair()[0], Buffer.from('pay 1 coin')).length;
    for (let at = 3; at < length; at += 4) {
      const { channel, session, raw, other } = await withRaw();
      const got: string[] = [];
      channel.onMessage((text) => got.push(text));
      const bytes = sealed(other, Buffer.from('pay 1 coin'));
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      raw.end(Buffer.concat([bytes, Buffer.alloc(20)]));
      expect(await reasonOf(channel)).toBe(`${session.remote}: a message was changed on its way`);
      expect(got).toEqual([]);
    }
  });

  it('when it does not read', async () => {
    const { channel } = await withRaw({ maxBuffered: 2 * 1024 * 1024 });
    let over = false;
    channel.onClose(() => {
      over = true;
    });
    while (!over) {
      channel.send('x'.repeat(100_000));
      await new Promise(setImmediate);
    }
    expect(await reasonOf(channel)).toMatch(/^the other end does not read: [0-9]+ bytes wait$/);
  });
});

it('delivers nothing of a message that was cut short', async () => {
  const { channel, raw, other } = await withRaw();
  const got: string[] = [];
  channel.onMessage((text) => got.push(text));
  raw.end(sealed(other, Buffer.from('half of it')).subarray(0, -1));
  expect(await reasonOf(channel)).toBe('the other end closed the connection');
  expect(got).toEqual([]);
});

it('does not mind what the other end sends after it was closed', async () => {
  const { channel, raw, other } = await withRaw();
  const got: string[] = [];
  channel.onMessage((text) => {
    got.push(text);
    channel.close(1000, 'enough');
  });
  raw
    .resume()
    .write(
      Buffer.concat([sealed(other, Buffer.from('one')), sealed(other, Buffer.from('two')), Buffer.alloc(4)]),
    );
  expect(await reasonOf(channel)).toBe('enough');
  expect(got).toEqual(['one']);
});

it('delivers nothing that the other end did not seal, whatever bytes come', async () => {
  const [session] = sessionPair();
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.boolean(), async (parts, short) => {
      const [stream, other] = duplexPair({ allowHalfOpen: false });
      const channel = channelOfSession(stream, session);
      let got = 0;
      channel.onMessage(() => got++);
      // A length that is possible, or most are refused for it alone.
      if (short) other.write(Buffer.of(0, 0, 0, 16 + (parts.length % 3)));
      for (const part of parts) other.write(part);
      other.resume().end();
      await reasonOf(channel);
      return got === 0;
    }),
    fuzzRuns('control-channel', 100_000),
  );
});

it('is over when its stream breaks', async () => {
  const { channel, raw } = await withRaw();
  raw.resetAndDestroy();
  expect(await reasonOf(channel)).toBe('read ECONNRESET');
  const { channel: other, raw: end } = await withRaw();
  end.end();
  await once(end.resume(), 'close');
  expect(await reasonOf(other)).toBe('the other end closed the connection');
});
