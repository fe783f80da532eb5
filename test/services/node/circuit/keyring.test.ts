import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import { ForgedRecord } from '../../../../services/net/noise/suite.ts';
import {
  type Session,
  SessionInitiator,
  SessionResponder,
} from '../../../../services/net/session/session.ts';
import { Keyring, SEAL_BYTES } from '../../../../services/node/circuit/keyring.ts';
import { MessageType, readHead } from '../../../../services/node/circuit/messages.ts';

const { record, note } = MessageType;
const text = Buffer.from('what is sealed');

function sessions(): [Session, Session] {
  const options = () => ({ identity: Identity.generate(), purpose: 'circuit' as const, accept: () => true });
  const initiator = new SessionInitiator(options());
  const responder = new SessionResponder(options());
  const { third, session } = initiator.answer(responder.answer(initiator.first));
  return [session, responder.finish(third)];
}

/** Both ends with the keys of these epochs. */
function keyrings(...epochs: number[]): [Keyring, Keyring] {
  const ends: [Keyring, Keyring] = [new Keyring(), new Keyring()];
  for (const epoch of epochs) addKeys(ends, epoch);
  return ends;
}

function addKeys(ends: readonly [Keyring, Keyring], epoch: number, now = 0): void {
  const [near, far] = sessions();
  ends[0].add(epoch, near, false, now);
  ends[1].add(epoch, far, true, now);
}

function open(keyring: Keyring, message: Buffer): Buffer | undefined {
  const head = readHead(message);
  if (head === undefined) throw new Error('no head');
  return keyring.open(message[0] === record ? record : note, head, message);
}

function seal(keyring: Keyring, type: 2 | 3, number: number, plaintext = text): Buffer {
  return Buffer.concat(keyring.seal(type, number, [plaintext]));
}

describe('the keys of a circuit', () => {
  it('open what the other end sealed, record or note, with any number', () => {
    const [near, far] = keyrings(0);
    for (const type of [record, note])
      for (const number of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 52 - 1]) {
        const message = seal(near, type, number);
        expect(message).toHaveLength(text.length + SEAL_BYTES);
        expect(open(far, message)).toEqual(text);
      }
  });

  it('give every record and note a nonce of its own', () => {
    const [near] = keyrings(0);
    const seen = new Set<string>();
    for (const type of [record, note])
      for (let number = 0; number < 100; number++)
        seen.add(seal(near, type, number).subarray(10).toString('hex'));
    expect(seen.size).toBe(200);
  });

  it('open nothing in which a bit was flipped', () => {
    const [near, far] = keyrings(0);
    const message = seal(near, record, 5);
    fc.assert(
      fc.property(fc.nat({ max: 8 * message.length - 1 }), (bit) => {
        const changed = Buffer.from(message);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const head = readHead(changed);
        if (head === undefined) return;
        const opened = () => far.open(changed[0] === note ? note : record, head, changed);
        // Another type but record and note never comes to the keys; another epoch has none.
        if (bit >> 3 === 0 && changed[0] !== note) return;
        if (bit >> 3 === 1) expect(opened()).toBeUndefined();
        else expect(opened).toThrow(ForgedRecord);
      }),
      { numRuns: 2_000 },
    );
  });

  it('open nothing of their own end', () => {
    const [near] = keyrings(0);
    expect(() => open(near, seal(near, record, 0))).toThrow(ForgedRecord);
  });

  it('seal with those before until the other end is known to have the new ones', () => {
    const [near, far] = keyrings(0);
    expect([near.confirmed, far.confirmed]).toEqual([false, false]);
    expect(open(near, seal(far, note, 0))).toEqual(text);
    expect(near.confirmed).toBe(true);
    const [session] = sessions();
    near.add(1, session, false, 0);
    expect(near.epoch).toBe(1);
    expect(near.confirmed).toBe(false);
    // Message 3 never comes to the other end, nor that of the next handshake.
    near.add(2, session, false, 0);
    expect(open(far, seal(near, record, 0))).toEqual(text);
    addKeys([near, far], 3);
    expect(open(far, seal(near, record, 1))).toEqual(text);
    const answer = seal(far, record, 1);
    expect(answer[1]).toBe(3);
    expect(open(near, answer)).toEqual(text);
    expect(near.confirmed).toBe(true);
    const last = seal(near, record, 2);
    expect(last[1]).toBe(3);
    expect(open(far, last)).toEqual(text);
  });

  it('still open what was sealed with the keys before, and nothing of the ones before those', () => {
    const ends = keyrings(0);
    const messages: Buffer[] = [];
    for (let epoch = 1; epoch <= 3; epoch++) {
      messages.push(seal(ends[1], record, epoch));
      expect(open(ends[0], messages.at(-1) as Buffer)).toEqual(text);
      addKeys(ends, epoch);
    }
    messages.push(seal(ends[1], record, 4));
    expect(messages.map((message) => message[1])).toEqual([0, 1, 2, 3]);
    // Those of before are kept until something comes that was sealed with the new ones, however long that takes.
    expect(open(ends[0], messages[1] as Buffer)).toEqual(text);
    expect(open(ends[0], messages[3] as Buffer)).toEqual(text);
    expect(open(ends[0], messages[2] as Buffer)).toEqual(text);
    expect(open(ends[0], messages[1] as Buffer)).toBeUndefined();
    expect(open(ends[0], messages[0] as Buffer)).toBeUndefined();
  });

  it('open nothing of an epoch that there are no keys of', () => {
    const [near] = keyrings(4);
    const [, far] = keyrings(3);
    expect(open(far, seal(near, record, 0))).toBeUndefined();
    expect(new Keyring().ready).toBe(false);
    expect(open(new Keyring(), seal(near, record, 0))).toBeUndefined();
  });

  it('wear out by time and by bytes, and begin anew', () => {
    const ends = keyrings(0);
    const limits = { bytes: 100, ms: 1_000 };
    expect(new Keyring().isWorn(10_000, limits)).toBe(false);
    expect(ends[0].isWorn(999, limits)).toBe(false);
    expect(ends[0].isWorn(1_000, limits)).toBe(true);
    const message = seal(ends[0], record, 0, Buffer.alloc(100));
    expect(ends.map((end) => end.isWorn(1, limits))).toEqual([true, false]);
    // What comes wears them out too.
    open(ends[1], message);
    expect(ends.map((end) => end.isWorn(1, limits))).toEqual([true, true]);
    addKeys(ends, 1, 500);
    expect(ends[0].isWorn(1_499, limits)).toBe(false);
  });
});
