import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CERTIFICATE_BYTES, CERTIFICATE_SECONDS } from '../../../../services/net/certificate.ts';
import { Identity } from '../../../../services/net/keys.ts';
import { AESGCM, ChaChaPoly, type Suite } from '../../../../services/net/noise/suite.ts';
import { dhKeyPair } from '../../../../services/net/noise/x25519.ts';
import {
  type FixedInputs,
  type Session,
  SessionInitiator,
  type SessionOptions,
  SessionRefused,
  SessionResponder,
} from '../../../../services/net/session/session.ts';
import { fuzzRuns } from '../../../fuzz.ts';

const [anna, boris, carla] = [Identity.generate(), Identity.generate(), Identity.generate()];
const base = { purpose: 'link', accept: () => true } as const;
const annas: SessionOptions = { ...base, identity: anna };
const borises: SessionOptions = { ...base, identity: boris };

/** Runs a whole handshake; `change` may alter each message on its way. */
function run(
  ours: Partial<SessionOptions> = {},
  theirs: Partial<SessionOptions> = {},
  change: (message: Buffer, number: number) => Buffer = (message) => message,
): [Session, Session] {
  const initiator = new SessionInitiator({ ...annas, ...ours });
  const responder = new SessionResponder({ ...borises, ...theirs });
  const second = responder.answer(change(initiator.first, 1));
  const { third, session } = initiator.answer(change(second, 2));
  return [session, responder.finish(change(third, 3))];
}

function at(now: number): { fixed: FixedInputs } {
  return { fixed: { static: dhKeyPair(), ephemeral: dhKeyPair(), now } };
}

describe('a handshake', () => {
  it('tells both ends whose key the other holds and what it has to say', () => {
    const [a, b] = run({ payload: Buffer.from('from Anna') }, { payload: Buffer.alloc(1024, 7) });
    expect([a.remote, b.remote]).toEqual([boris.publicKey, anna.publicKey]);
    expect(b.payload.toString()).toBe('from Anna');
    expect(a.payload).toEqual(Buffer.alloc(1024, 7));
    expect(a.hash).toEqual(b.hash);
    expect(run()[0].hash).not.toEqual(a.hash);
  });

  it.each<[string, readonly Suite[], readonly Suite[], Suite]>([
    ['AESGCM where both take it', [AESGCM, ChaChaPoly], [AESGCM, ChaChaPoly], AESGCM],
    ['ChaChaPoly where the responder has no AES', [AESGCM, ChaChaPoly], [ChaChaPoly], ChaChaPoly],
    ['ChaChaPoly where the initiator has no AES', [ChaChaPoly], [AESGCM, ChaChaPoly], ChaChaPoly],
  ])('chooses %s, and seals with it in both directions', (_, ours, theirs, suite) => {
    const [a, b] = run({ suites: ours }, { suites: theirs });
    expect([a.suite, b.suite]).toEqual([suite, suite]);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      for (const text of ['one', 'two']) {
        const sealed = from.send.seal(Buffer.of(1), Buffer.from(text));
        expect(to.receive.open(Buffer.of(1), sealed).toString()).toBe(text);
      }
  });

  it('serves every purpose', () => {
    for (const purpose of ['link', 'control', 'circuit'] as const)
      expect(run({ purpose }, { purpose })[0].remote).toBe(boris.publicKey);
  });

  it('can be repeated between the same two, and with nobody else', () => {
    const [a, b] = run();
    const [again] = run(a.renewal, b.renewal);
    expect(again.remote).toBe(boris.publicKey);
    expect(again.hash).not.toEqual(a.hash);
    expect(() => run(a.renewal, { identity: carla })).toThrow(`${carla.publicKey} is not admitted`);
    expect(() => run({ identity: carla }, b.renewal)).toThrow(`${carla.publicKey} is not admitted`);
  });

  it('is repeated by the clock of when they met, though the clock of one was set since', () => {
    // The clocks of both were at 1970; that of this machine, which is far on, is the one that was set.
    const [a, b] = run(at(1_000), at(1_000));
    const [again] = run(a.renewal, { ...b.renewal, ...at(1_001) });
    const [, andAgain] = run({ ...a.renewal, ...at(1_002) }, b.renewal);
    expect(run(again.renewal, andAgain.renewal)[0].remote).toBe(boris.publicKey);
    expect(() => run({}, { ...b.renewal, ...at(1_001) })).toThrow(/its certificate expired/);
  });
});

describe('a handshake is refused', () => {
  const refusals = (work: () => unknown, said: string): void => {
    expect(work).toThrow(SessionRefused);
    expect(work).toThrow(said);
  };

  it('between ends that want different things', () => {
    refusals(() => run({ purpose: 'circuit' }), 'message 1: the other end asks for circuit, here is link');
    const unknown = (message: Buffer, number: number): Buffer => {
      if (number === 1) message.writeUInt8(9, 8);
      return message;
    };
    refusals(() => run({}, {}, unknown), 'the other end asks for something unknown, here is link');
  });

  it('by either end, for a key that it does not admit', () => {
    const accept = () => false;
    refusals(() => run({ accept }), `message 2: ${boris.publicKey} is not admitted here for a link`);
    refusals(() => run({}, { accept }), `message 3: ${anna.publicKey} is not admitted here for a link`);
  });

  it('by either end, when the certificate of the other has expired', () => {
    const [early, late] = [1_800_000_000, 1_800_000_001 + CERTIFICATE_SECONDS];
    refusals(() => run(at(late), at(early)), `message 2: ${boris.publicKey}: its certificate expired`);
    refusals(() => run(at(early), at(late)), `message 3: ${anna.publicKey}: its certificate expired`);
    expect(run(at(late - 1), at(early))[0].remote).toBe(boris.publicKey);
  });

  it('without a suite that both take', () => {
    refusals(
      () => run({ suites: [AESGCM] }, { suites: [ChaChaPoly] }),
      'message 1: the other end takes no suite that this one has',
    );
  });

  it('when somebody between changes the suites that are offered, or the one that is chosen', () => {
    const both = { suites: [AESGCM, ChaChaPoly] };
    const weaken = (message: Buffer, number: number): Buffer => {
      if (number === 1) message = Buffer.from(message).fill(2, 9, 10);
      return message;
    };
    refusals(() => run(both, both, weaken), 'message 2: message 2 of the handshake is not what was expected');
    const swap = (message: Buffer, number: number): Buffer => {
      if (number === 2) message.writeUInt8(message.readUInt8() ^ 3);
      return message;
    };
    refusals(() => run(both, both, swap), 'message 2');
    refusals(
      () => run({ suites: [AESGCM] }, {}, swap),
      'message 2: the other end chose suite 2, which was not offered',
    );
  });

  it('when a message comes twice or out of turn', () => {
    const initiator = new SessionInitiator(annas);
    const responder = new SessionResponder(borises);
    refusals(() => responder.finish(Buffer.alloc(300)), 'message 3 came out of turn');
    const second = responder.answer(initiator.first);
    refusals(() => responder.answer(initiator.first), 'message 1 came twice');
    const { third } = initiator.answer(second);
    refusals(() => initiator.answer(second), 'message 2 came twice');
    responder.finish(third);
    refusals(() => responder.finish(third), 'message 3 came out of turn');
  });

  it('when messages of another handshake are replayed', () => {
    const recorded: Buffer[] = [];
    run({}, {}, (message) => {
      recorded.push(Buffer.from(message));
      return message;
    });
    const replay = (which: number) => (message: Buffer, number: number) =>
      number === which ? (recorded[which - 1] ?? message) : message;
    for (const number of [1, 2, 3]) expect(() => run({}, {}, replay(number))).toThrow(SessionRefused);
  });

  it('when any bit of any message was changed', () => {
    const fixed = at(1_800_000_000);
    const lengths: number[] = [];
    run(fixed, fixed, (message) => {
      lengths.push(message.length);
      return message;
    });
    // Every bit of the first bytes, and one bit of each other byte.
    for (const [index, length] of lengths.entries())
      for (let bit = 0; bit < length * 8; bit += bit < 12 * 8 ? 1 : 8 + (bit % 7)) {
        // The ignored bit of an X25519 key (RFC 7748, section 5) is in the hash all the same.
        const flip = (message: Buffer, number: number): Buffer => {
          const changed = Buffer.from(message);
          if (number === index + 1)
            changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          return changed;
        };
        expect(() => run(fixed, fixed, flip)).toThrow(SessionRefused);
      }
  });

  it('when more is said than fits', () => {
    expect(() => run({ payload: Buffer.alloc(1025) })).toThrow(RangeError);
    const long = (number: number) => (message: Buffer, at: number) =>
      at === number ? Buffer.concat([message, Buffer.alloc(2000)]) : message;
    for (const number of [2, 3]) refusals(() => run({}, {}, long(number)), 'longer than the');
    refusals(() => run({}, {}, long(1)), 'message 1');
    expect(CERTIFICATE_BYTES).toBe(104);
  });

  it('whatever else comes for a message', () => {
    const keys = at(1_800_000_000);
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, fc.boolean(), (noise, magic) => {
        const first = magic ? Buffer.concat([Buffer.from('skywire1'), noise]) : Buffer.from(noise);
        const good = magic && first.length === 42 && first[8] === 1;
        return good || isRefused(() => new SessionResponder({ ...borises, ...keys }).answer(first));
      }),
      fuzzRuns('session-first', 100_000),
    );
    fc.assert(
      fc.property(bytes, (noise) =>
        isRefused(() => new SessionInitiator({ ...annas, ...keys }).answer(noise)),
      ),
      fuzzRuns('session-second', 100_000),
    );
    fc.assert(
      fc.property(bytes, (noise) => {
        const responder = new SessionResponder({ ...borises, ...keys });
        responder.answer(new SessionInitiator({ ...annas, ...keys }).first);
        return isRefused(() => responder.finish(noise));
      }),
      fuzzRuns('session-third', 2_000),
    );
  });
});

function isRefused(work: () => unknown): boolean {
  try {
    work();
  } catch (error) {
    if (error instanceof SessionRefused) return true;
    throw error;
  }
  return false;
}
