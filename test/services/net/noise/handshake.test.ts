import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Handshake, HandshakeFailed } from '../../../../services/net/noise/handshake.ts';
import type { CipherState } from '../../../../services/net/noise/state.ts';
import { AESGCM, ChaChaPoly, ForgedRecord, type Suite } from '../../../../services/net/noise/suite.ts';
import { dh, dhKeyPair, WeakKey } from '../../../../services/net/noise/x25519.ts';
import { fuzzRuns } from '../../../fuzz.ts';
import { OURS, PUBLISHED, publishedVectors, readVectors, type Vector } from './vectors.ts';

const SUITES = [AESGCM, ChaChaPoly];
const hex = (text: string) => Buffer.from(text, 'hex');

function pair(suite: Suite, prologues: [string, string] = ['here', 'here']): [Handshake, Handshake] {
  const [one, other] = prologues;
  return [
    new Handshake({ suite, initiator: true, prologue: Buffer.from(one), static: dhKeyPair() }),
    new Handshake({ suite, initiator: false, prologue: Buffer.from(other), static: dhKeyPair() }),
  ];
}

function finish([initiator, responder]: [Handshake, Handshake]) {
  responder.read(initiator.write(Buffer.of()));
  initiator.read(responder.write(Buffer.of()));
  responder.read(initiator.write(Buffer.of()));
  return { initiator: initiator.split(), responder: responder.split() };
}

function replay(vector: Vector): void {
  const suite = SUITES.find(({ name }) => vector.name === `Noise_XX_25519_${name}_SHA256`);
  if (suite === undefined) throw new Error(`${vector.name}: not a suite of ours`);
  const initiator = new Handshake({
    ...{ suite, initiator: true, prologue: hex(vector.init_prologue) },
    ...{ static: dhKeyPair(hex(vector.init_static)), ephemeral: dhKeyPair(hex(vector.init_ephemeral)) },
  });
  const responder = new Handshake({
    ...{ suite, initiator: false, prologue: hex(vector.resp_prologue) },
    ...{ static: dhKeyPair(hex(vector.resp_static)), ephemeral: dhKeyPair(hex(vector.resp_ephemeral)) },
  });
  const ends: [Handshake, Handshake] = [initiator, responder];
  const sessions: { send: CipherState; receive: CipherState }[] = [];
  for (const [index, { payload, ciphertext }] of vector.messages.entries()) {
    const from = index % 2;
    const to = 1 - from;
    if (index < 3) {
      const message = ends[from]?.write(hex(payload));
      expect(message?.toString('hex')).toBe(ciphertext);
      expect(ends[to]?.read(hex(ciphertext)).toString('hex')).toBe(payload);
      if (index === 2) sessions.push(initiator.split(), responder.split());
    } else {
      expect(sessions[from]?.send.seal(Buffer.of(), hex(payload)).toString('hex')).toBe(ciphertext);
      expect(sessions[to]?.receive.open(Buffer.of(), hex(ciphertext)).toString('hex')).toBe(payload);
    }
  }
  expect(initiator.hash.toString('hex')).toBe(vector.handshake_hash);
  expect(responder.hash.toString('hex')).toBe(vector.handshake_hash);
}

describe('Handshake', () => {
  it.skipIf(PUBLISHED === undefined).each(publishedVectors())(
    'agrees with the published vector %s (needs NOISE_VECTORS)',
    (_, vector) => replay(vector),
  );

  it.each(readVectors(OURS).map((vector): [string, Vector] => [vector.name, vector]))(
    'writes the same bytes as ever: %s',
    (_, vector) => replay(vector),
  );

  it.each(SUITES)('tells both ends the static key of the other, and one hash: $name', (suite) => {
    const [initiatorKey, responderKey] = [dhKeyPair(), dhKeyPair()];
    const prologue = Buffer.from('p');
    const initiator = new Handshake({ suite, initiator: true, prologue, static: initiatorKey });
    const responder = new Handshake({ suite, initiator: false, prologue, static: responderKey });
    const { initiator: one, responder: other } = finish([initiator, responder]);
    expect(initiator.remoteStatic).toEqual(responderKey.publicKey);
    expect(responder.remoteStatic).toEqual(initiatorKey.publicKey);
    expect(initiator.hash).toEqual(responder.hash);
    expect(other.receive.open(Buffer.of(), one.send.seal(Buffer.of(), Buffer.from('to')))).toEqual(
      Buffer.from('to'),
    );
    expect(one.receive.open(Buffer.of(), other.send.seal(Buffer.of(), Buffer.from('fro')))).toEqual(
      Buffer.from('fro'),
    );
  });

  it.each(SUITES)('fails when the prologues differ: $name', (suite) => {
    const [initiator, responder] = pair(suite, ['one', 'other']);
    responder.read(initiator.write(Buffer.of()));
    expect(() => initiator.read(responder.write(Buffer.of()))).toThrow(HandshakeFailed);
  });

  it('fails with the other suite', () => {
    const [initiator] = pair(AESGCM);
    const [, responder] = pair(ChaChaPoly);
    responder.read(initiator.write(Buffer.of()));
    expect(() => initiator.read(responder.write(Buffer.of()))).toThrow(HandshakeFailed);
  });

  it('takes no message of another handshake, and none twice', () => {
    const [initiator, responder] = pair(AESGCM);
    const [, stranger] = pair(AESGCM);
    const first = initiator.write(Buffer.of());
    responder.read(first);
    stranger.read(first);
    const second = responder.write(Buffer.of());
    const replayed = stranger.write(Buffer.of());
    initiator.read(second);
    expect(() => initiator.read(second)).toThrow(HandshakeFailed);
    const [late] = pair(AESGCM);
    late.write(Buffer.of());
    expect(() => late.read(replayed)).toThrow(HandshakeFailed);
  });

  it('answers nothing more once it has failed', () => {
    const [initiator, responder] = pair(AESGCM);
    expect(() => responder.read(Buffer.alloc(10))).toThrow(HandshakeFailed);
    expect(() => responder.read(initiator.write(Buffer.of()))).toThrow(HandshakeFailed);
    expect(() => responder.write(Buffer.of())).toThrow(HandshakeFailed);
    expect(() => responder.split()).toThrow(HandshakeFailed);
  });

  it('refuses a message that nobody sent, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 1 }), (bytes, which) => {
        const [initiator, responder] = pair(AESGCM);
        if (which === 0) initiator.write(Buffer.of());
        const reader = which === 0 ? initiator : responder;
        if (which === 1 && bytes.length >= 32) return;
        expect(() => reader.read(bytes)).toThrow(HandshakeFailed);
      }),
      fuzzRuns('noise-handshake', 2_000),
    );
  });

  it('notices every single bit that was changed on the way', () => {
    const options = { suite: ChaChaPoly, initiator: true, prologue: Buffer.from('here') };
    const keys = { static: dhKeyPair(), ephemeral: dhKeyPair() };
    const reader = () => {
      const handshake = new Handshake({ ...options, ...keys });
      return { handshake, first: handshake.write(Buffer.of()) };
    };
    const [, responder] = pair(ChaChaPoly);
    responder.read(reader().first);
    const message = responder.write(Buffer.from('payload'));
    expect(reader().handshake.read(message).toString()).toBe('payload');
    for (let bit = 0; bit < message.length * 8; bit++) {
      const changed = Buffer.from(message);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => reader().handshake.read(changed)).toThrow(HandshakeFailed);
    }
  });
});

describe('dh', () => {
  // Points of order 1, 2, 4 and 8 (RFC 7748, section 6.1: "all-zero value").
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  ])('refuses the point of small order %s', (point) => {
    expect(() => dh(dhKeyPair(), hex(point))).toThrow(WeakKey);
  });
});

describe.each(SUITES)('the cipher of suite $name', (suite) => {
  const aead = suite.aead(Buffer.alloc(32, 7));
  const additional = Buffer.from('header');

  it('opens only with the nonce and the header it was sealed with', () => {
    const sealed = aead.seal(2 ** 40 + 5, additional, Buffer.from('text'));
    expect(aead.open(2 ** 40 + 5, additional, sealed).toString()).toBe('text');
    expect(() => aead.open(5, additional, sealed)).toThrow(ForgedRecord);
    expect(() => aead.open(2 ** 40 + 5, Buffer.from('Header'), sealed)).toThrow(ForgedRecord);
    expect(() => aead.open(2 ** 40 + 5, additional, sealed.subarray(1))).toThrow(ForgedRecord);
    expect(() => aead.open(2 ** 40 + 5, additional, Buffer.alloc(15))).toThrow(ForgedRecord);
  });

  it.each([-1, 0.5, 2 ** 53, Number.NaN])('refuses %d as a nonce', (nonce) => {
    expect(() => aead.seal(nonce, additional, Buffer.of())).toThrow(RangeError);
  });

  it('refuses a key of another length', () => {
    expect(() => suite.aead(Buffer.alloc(16))).toThrow(RangeError);
  });
});
