import { describe, expect, it } from 'vitest';
import { Identity, type PublicKey } from '../../../../services/net/keys.ts';
import type { Session } from '../../../../services/net/session/session.ts';
import {
  nextEpoch,
  OpenerHandshake,
  ResponderHandshake,
} from '../../../../services/node/circuit/handshake.ts';
import { readStep, type Step } from '../../../../services/node/circuit/messages.ts';

interface Sent extends Step {
  /** Undefined for all. */
  path: number | undefined;
}

/** One end with all that it says. */
class End {
  readonly identity = Identity.generate();
  readonly sent: Sent[] = [];
  readonly done: { epoch: number; session: Session }[] = [];
  readonly failed: string[] = [];

  options(peer: PublicKey, instance = Buffer.from('instance')) {
    return {
      ...{ identity: this.identity, peer, instance },
      send: (path: number | undefined, message: readonly Buffer[]) => {
        const step = readStep(Buffer.concat(message));
        if (step) this.sent.push({ ...step, path });
      },
      done: (epoch: number, session: Session) => this.done.push({ epoch, session }),
      failed: (reason: string) => this.failed.push(reason),
    };
  }

  /** The last message of this kind. */
  last(step: number): Sent {
    const found = this.sent.findLast((each) => each.step === step);
    if (found === undefined) throw new Error(`no message ${step} was sent`);
    return found;
  }
}

class Pair {
  readonly near = new End();
  readonly far = new End();
  readonly opener: OpenerHandshake;
  readonly responder: ResponderHandshake;
  now = 0;
  /** Epoch of the responder's keys. */
  current: number | undefined;

  constructor(peers: { near?: PublicKey; far?: PublicKey } = {}) {
    this.opener = new OpenerHandshake(this.near.options(peers.far ?? this.far.identity.publicKey));
    this.responder = new ResponderHandshake(this.far.options(peers.near ?? this.near.identity.publicKey));
  }

  toResponder(step: Step, path = 0): void {
    this.responder.receive(step, path, this.current, this.now);
    this.current = this.far.done.at(-1)?.epoch;
  }

  /** A whole handshake. */
  shake(epoch: number): void {
    this.now += 1_000;
    this.opener.begin(epoch);
    this.toResponder(this.near.last(1));
    this.opener.receive(this.far.last(2), 0);
    this.toResponder(this.near.last(3));
  }

  get sameKeys(): boolean {
    const [near, far] = [this.near.done.at(-1), this.far.done.at(-1)];
    return near !== undefined && far !== undefined && near.session.hash.equals(far.session.hash);
  }
}

function flipped(step: Step, at: number): Step {
  const content = Buffer.from(step.content);
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  return { ...step, content };
}

describe('a handshake of a circuit', () => {
  it('gives both ends the same keys, and each the bytes of the other', () => {
    const pair = new Pair();
    pair.shake(0);
    expect(pair.sameKeys).toBe(true);
    expect(pair.near.done[0]?.session.payload.toString()).toBe('instance');
    expect(pair.far.done[0]?.session.remote).toBe(pair.near.identity.publicKey);
    expect(pair.opener.running).toBe(false);
  });

  it('answers the same message 1 with the same message 2, on the path on which it came', () => {
    const pair = new Pair();
    pair.opener.begin(0);
    const first = pair.near.last(1);
    for (const path of [3, 1, 3]) pair.toResponder(first, path);
    expect(pair.far.sent.map(({ path }) => path)).toEqual([3, 1, 3]);
    expect(new Set(pair.far.sent.map(({ content }) => content.toString('hex'))).size).toBe(1);
  });

  it('sends the same message 1 again until it is answered, and message 3 for each message 2', () => {
    const pair = new Pair();
    pair.opener.begin(0);
    pair.opener.repeat();
    const [one, two] = pair.near.sent;
    expect(two).toEqual(one);
    pair.toResponder(pair.near.last(1));
    for (const path of [0, 1]) pair.opener.receive(pair.far.last(2), path);
    expect(pair.near.sent.filter(({ step }) => step === 3).map(({ path }) => path)).toEqual([0, 1]);
    expect(pair.near.done).toHaveLength(1);
    for (const _ of [0, 1]) pair.toResponder(pair.near.last(3));
    expect(pair.far.done).toHaveLength(1);
    expect(pair.sameKeys).toBe(true);
  });

  it.each([1, 2, 3])('comes about although a changed message %i came first', (changed) => {
    const pair = new Pair();
    pair.opener.begin(0);
    const first = pair.near.last(1);
    if (changed === 1) for (const at of [0, 8, 20]) pair.toResponder(flipped(first, at), 1);
    pair.now += 1_000;
    pair.toResponder(first);
    const second = pair.far.last(2);
    if (changed === 2)
      for (let at = 0; at < second.content.length; at += 5) pair.opener.receive(flipped(second, at), 1);
    expect(pair.near.done).toEqual([]);
    pair.opener.receive(second, 0);
    const third = pair.near.last(3);
    if (changed === 3)
      for (let at = 0; at < third.content.length; at += 5) pair.toResponder(flipped(third, at), 1);
    expect(pair.far.done).toEqual([]);
    pair.toResponder(third);
    expect(pair.sameKeys).toBe(true);
  });

  it('comes about although a relay of another path begins handshakes of its own', () => {
    const pair = new Pair();
    const relay = new Pair();
    relay.opener.begin(0);
    pair.opener.begin(0);
    pair.toResponder(pair.near.last(1), 0);
    for (let index = 0; index < 100; index++) {
      const forged = new Pair();
      forged.opener.begin(0);
      pair.toResponder(forged.near.last(1), 1);
    }
    pair.opener.receive(pair.far.last(2), 1);
    pair.toResponder(pair.near.last(1), 0);
    pair.opener.receive(pair.far.last(2), 0);
    pair.toResponder(pair.near.last(3), 0);
    expect(pair.sameKeys).toBe(true);
  });

  it('is never with another node than the one that is meant', () => {
    const other = Identity.generate().publicKey;
    const wrongResponder = new Pair({ far: other });
    wrongResponder.opener.begin(0);
    wrongResponder.toResponder(wrongResponder.near.last(1));
    wrongResponder.opener.receive(wrongResponder.far.last(2), 0);
    expect(wrongResponder.near.done).toEqual([]);
    expect(wrongResponder.near.failed[0]).toMatch(/not admitted here for a circuit/);
    expect(wrongResponder.near.sent.map(({ step }) => step)).not.toContain(3);

    const wrongOpener = new Pair({ near: other });
    wrongOpener.opener.begin(0);
    wrongOpener.toResponder(wrongOpener.near.last(1));
    wrongOpener.opener.receive(wrongOpener.far.last(2), 0);
    wrongOpener.toResponder(wrongOpener.near.last(3));
    expect(wrongOpener.far.done).toEqual([]);
    expect(wrongOpener.far.failed[0]).toMatch(/not admitted here for a circuit/);
  });

  it('takes nothing of an earlier handshake', () => {
    const pair = new Pair();
    pair.shake(0);
    const old = { first: pair.near.last(1), second: pair.far.last(2), third: pair.near.last(3) };
    pair.shake(1);
    const before = { sent: pair.far.sent.length, done: pair.far.done.length };
    pair.now += 1_000;
    pair.toResponder(old.first);
    pair.toResponder(old.third);
    expect(pair.far.sent).toHaveLength(before.sent);
    expect(pair.far.done).toHaveLength(before.done);
    pair.opener.begin(2);
    pair.opener.receive(old.second, 0);
    pair.opener.receive({ ...old.second, epoch: 2 }, 0);
    expect(pair.near.done).toHaveLength(2);
    pair.toResponder({ ...old.first, epoch: 2 });
    pair.toResponder({ ...old.third, epoch: 2 });
    expect(pair.far.done).toHaveLength(2);
    pair.now += 1_000;
    pair.toResponder(pair.near.last(1), 1);
    pair.opener.receive(pair.far.last(2), 1);
    pair.toResponder(pair.near.last(3), 1);
    expect(pair.near.done.at(-1)?.epoch).toBe(2);
    expect(pair.sameKeys).toBe(true);
  });

  it('counts epochs around, and takes one that is a little ahead', () => {
    expect(nextEpoch(255)).toBe(0);
    const pair = new Pair();
    pair.shake(254);
    pair.shake(255);
    pair.shake(0);
    pair.shake(3);
    expect(pair.far.done.map(({ epoch }) => epoch)).toEqual([254, 255, 0, 3]);
    pair.now += 1_000;
    for (const epoch of [3, 2, 255, 100]) {
      const before = pair.far.sent.length;
      pair.toResponder({ ...pair.near.last(1), epoch });
      expect(pair.far.sent).toHaveLength(before);
    }
  });

  it('is begun by others only a few times a second', () => {
    const pair = new Pair();
    for (let index = 0; index < 1_000; index++) {
      const other = new OpenerHandshake(pair.near.options(pair.far.identity.publicKey));
      other.begin(0);
      pair.toResponder(pair.near.last(1));
    }
    expect(pair.far.sent).toHaveLength(4);
  });

  it('expects message 3 for a while, and the keys then', () => {
    const pair = new Pair();
    expect(pair.responder.expects(0, 0)).toBe(false);
    pair.opener.begin(0);
    pair.toResponder(pair.near.last(1));
    expect(pair.responder.expects(0, 999)).toBe(true);
    expect(pair.responder.expects(1, 999)).toBe(false);
    // Message 3 was lost: whoever sends sealed messages has to be told.
    expect(pair.responder.expects(0, 1_000)).toBe(false);
    pair.opener.receive(pair.far.last(2), 0);
    pair.toResponder(pair.near.last(3));
    expect(pair.sameKeys).toBe(true);
  });
});
