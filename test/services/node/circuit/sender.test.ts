import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitViolation } from '../../../../services/node/circuit/messages.ts';
import { maxUnackedBytes, Sender } from '../../../../services/node/circuit/sender.ts';

const takes = maxUnackedBytes;
/** Numbers of paths. */
const inUse = 0;
const other = 1;
/** Milliseconds: a round trip of which four are no longer than a hedge takes anyway. */
const short = 10;

function senderWith(records: number, bytes = 1_000, at = 0): Sender {
  const sender = new Sender();
  for (let index = 0; index < records; index++) sender.add(messageOf(sender.next), bytes, at, inUse);
  return sender;
}

/** One of which everything was acknowledged until its window did not grow any more. */
function grownSender(): Sender {
  const sender = new Sender();
  for (let round = 0; round < 12; round++) {
    while (sender.open) sender.add([], sender.room(0), 0, inUse);
    sender.acknowledge(sender.next, takes, [], 0);
  }
  return sender;
}

function messageOf(number: number): Buffer[] {
  return [Buffer.from(`record ${number}`)];
}

/** Milliseconds, up to a last one, at which something is done. */
function times(last: number, done: (now: number) => unknown): number[] {
  return Array.from({ length: last + 1 }, (_, now) => now).filter((now) => done(now) !== undefined);
}

/** Numbers of the records that are kept. */
function kept(sender: Sender): number[] {
  return Array.from({ length: sender.next }, (_, number) => number).filter((number) =>
    sender.again(number, inUse),
  );
}

describe('the sending end of a circuit', () => {
  it('keeps what is not acknowledged, and gives the same bytes again', () => {
    const sender = senderWith(3);
    expect(sender.again(1, inUse)).toEqual(messageOf(1));
    sender.acknowledge(2, takes, [], 10);
    expect(kept(sender)).toEqual([2]);
    expect(sender.bytes).toBe(1_000);
    sender.acknowledge(3, takes, [], 20);
    expect(sender.idle).toBe(true);
    expect(sender.all()).toBeUndefined();
    expect(sender.bytes).toBe(0);
  });

  it('forgets what came past a gap, and keeps the gap', () => {
    const sender = senderWith(10);
    sender.acknowledge(
      2,
      takes,
      [
        { first: 4, length: 2 },
        { first: 8, length: 1 },
      ],
      10,
    );
    expect(kept(sender)).toEqual([2, 3, 6, 7, 9]);
    expect(sender.all()).toEqual({ next: 2, last: 9 });
  });

  it('takes an acknowledgement that came late for what it is', () => {
    const sender = senderWith(10);
    sender.acknowledge(8, takes, [], 10);
    sender.acknowledge(3, takes, [{ first: 5, length: 1 }], 11);
    expect(kept(sender)).toEqual([8, 9]);
  });

  it('ends the circuit over an acknowledgement of what was never sent', () => {
    const sender = senderWith(3);
    expect(() => sender.acknowledge(4, takes, [], 10)).toThrow(CircuitViolation);
    expect(() => sender.acknowledge(0, takes, [{ first: 3, length: 1 }], 10)).toThrow(CircuitViolation);
    expect(kept(sender)).toEqual([0, 1, 2]);
  });

  it('is not kept busy by ranges that are longer than what is under way', () => {
    const sender = new Sender();
    for (let index = 0; index < 300_000; index++) {
      sender.add(messageOf(index), 1, 0, inUse);
      if (index % 1_000 === 999) sender.acknowledge(index + 1, takes, [], 0);
    }
    sender.add(messageOf(300_000), 1, 0, inUse);
    const everything = Array.from({ length: 255 }, () => ({ first: 0, length: 300_001 }));
    // 255 × 300,000 steps would be seconds each time.
    for (let index = 0; index < 1_000; index++) sender.acknowledge(0, takes, everything, 0);
    expect(sender.idle).toBe(true);
  });

  it('has room until so much is unacknowledged', () => {
    const sender = grownSender();
    let records = 0;
    for (; sender.open; records++) sender.add(messageOf(records), 64 * 1024, 0, inUse);
    expect(records).toBe(maxUnackedBytes / (64 * 1024));
    sender.acknowledge(sender.next - records + 1, takes, [], 1);
    expect(sender.open).toBe(true);
  });

  it('sends 32 KiB at first, and twice as much in each round trip', () => {
    const sender = new Sender();
    for (let window = 32 * 1024; window < maxUnackedBytes; window *= 2) {
      while (sender.open) sender.add([], sender.room(0), 0, inUse);
      expect(sender.bytes).toBe(window);
      sender.acknowledge(sender.next, takes, [], 0);
    }
  });

  it('has a window no larger than twice what it has filled', () => {
    const sender = new Sender();
    for (let round = 0; round < 10; round++) {
      sender.add([], 10 * 1024, 0, inUse);
      sender.acknowledge(sender.next, takes, [], 0);
    }
    while (sender.open) sender.add([], sender.room(0), 0, inUse);
    expect(sender.bytes).toBe(32 * 1024);
  });

  it('begins with little again after a second without anything to send', () => {
    for (const [at, bytes] of [
      [1_000, maxUnackedBytes],
      [1_001, 32 * 1024],
    ] as const) {
      const sender = grownSender();
      while (sender.open) sender.add([], sender.room(at), at, inUse);
      expect(sender.bytes).toBe(bytes);
    }
  });

  it('has two records under way at least as soon as it sends more than little', () => {
    const sender = grownSender();
    expect(sender.room(0)).toBe(maxUnackedBytes / 2);
    expect(new Sender().room(0)).toBe(16 * 1024);
  });

  it('has room for whole bytes, whatever was sent', () => {
    const sender = new Sender();
    for (let round = 0; round < 10; round++) {
      while (sender.open) {
        expect(Number.isInteger(sender.room(0))).toBe(true);
        sender.add([], sender.room(0) - 1, 0, inUse);
      }
      sender.acknowledge(sender.next, takes, [], 0);
    }
  });

  it('makes no tiny records where there is little room', () => {
    const sender = senderWith(1, 32 * 1024 - 1);
    expect(sender.open).toBe(true);
    expect(sender.room(0)).toBe(16 * 1024);
  });

  it('sends no more than the other end takes', () => {
    const sender = senderWith(2, 1_000);
    sender.acknowledge(1, 500, [], 1);
    expect(sender.open).toBe(false);
    sender.acknowledge(2, 0, [], 2);
    expect(sender.open).toBe(false);
    sender.acknowledge(2, 500, [], 3);
    expect(sender.open).toBe(true);
  });

  it('does not run further ahead of a missing record than the other end keeps', () => {
    const sender = grownSender();
    const first = sender.next;
    for (let number = 0; number < 65_536; number++) {
      expect(sender.open).toBe(true);
      sender.add(messageOf(number), 10, 0, inUse);
      if (number > 0) sender.acknowledge(first, takes, [{ first: first + 1, length: number }], 0);
    }
    expect(sender.open).toBe(false);
    sender.acknowledge(sender.next, takes, [], 0);
    expect(sender.open).toBe(true);
  });
});

describe('hedging', () => {
  it('begins after 50 ms without progress when the round trip is short', () => {
    const sender = senderWith(3, 1_000, 100);
    expect(sender.hedge(149, inUse, true, short)).toBeUndefined();
    expect(sender.hedge(150, inUse, true, short)).toEqual({ next: 0, last: 2, onWarm: true });
  });

  it('begins after a second as long as no round trip is known', () => {
    const sender = senderWith(3, 1_000, 100);
    expect(sender.hedge(1_099, inUse, true)).toBeUndefined();
    expect(sender.hedge(1_100, inUse, true)).toEqual({ next: 0, last: 2, onWarm: true });
  });

  it('begins after four round trips when these are long', () => {
    const sender = senderWith(1);
    sender.acknowledge(1, takes, [], 100);
    sender.add(messageOf(1), 1_000, 200, inUse);
    expect(sender.roundTrip).toBe(100);
    expect(sender.hedge(599, inUse, true)).toBeUndefined();
    expect(sender.hedge(600, inUse, true)).toEqual({ next: 1, last: 1, onWarm: true });
  });

  it('goes by the round trip of the path until records have told more', () => {
    const sender = senderWith(1);
    expect(sender.hedge(399, inUse, true, 100)).toBeUndefined();
    expect(sender.hedge(400, inUse, true, 100)).toEqual({ next: 0, last: 0, onWarm: true });
  });

  it('is put off by progress', () => {
    const sender = senderWith(3);
    sender.acknowledge(1, takes, [], 1);
    expect(sender.hedge(50, inUse, true, short)).toBeUndefined();
    expect(sender.hedge(51, inUse, true, short)).toEqual({ next: 1, last: 2, onWarm: true });
  });

  it('is not put off by what had waited for nothing before', () => {
    const sender = senderWith(1);
    sender.acknowledge(1, takes, [], 1);
    sender.add(messageOf(1), 1_000, 10_000, inUse);
    expect(sender.hedge(10_049, inUse, true, short)).toBeUndefined();
    expect(sender.hedge(10_050, inUse, true, short)).toEqual({ next: 1, last: 1, onWarm: true });
  });

  it('is on the path in use for what went elsewhere, before the paths changed', () => {
    const sender = new Sender();
    for (const path of [other, other, inUse]) sender.add(messageOf(sender.next), 1_000, 0, path);
    expect(sender.hedge(50, inUse, true, short)).toEqual({ next: 0, last: 1, onWarm: false });
    expect(sender.hedge(50, inUse, true, short)).toEqual({ next: 2, last: 2, onWarm: true });
  });

  it('is of what went elsewhere alone where there is no other path', () => {
    const sender = new Sender();
    for (const path of [inUse, other]) sender.add(messageOf(sender.next), 1_000, 0, path);
    expect(sender.hedge(50, inUse, false, short)).toEqual({ next: 1, last: 1, onWarm: false });
    sender.again(1, inUse);
    expect(sender.hedge(4_050, inUse, false, short)).toBeUndefined();
  });

  it('comes again after twice as long each time', () => {
    const sender = senderWith(1);
    const hedged = times(80_000, (now) => sender.hedge(now, inUse, true, short));
    expect(hedged).toEqual([50, 4_050, 12_050, 28_050, 44_050, 60_050, 76_050]);
  });

  it('is of every record in its turn, and of none more than once in four seconds', () => {
    const step = fc.record({ wait: fc.nat({ max: 1_200 }), records: fc.nat({ max: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const sender = senderWith(2);
        const hedged = new Map<number, number>();
        let now = 50;
        const hedge = () => {
          const range = sender.hedge(now, inUse, true, short);
          for (let number = range?.next ?? 0; number <= (range?.last ?? -1); number++) {
            expect(now - (hedged.get(number) ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(4_000);
            hedged.set(number, now);
          }
          return range;
        };
        for (const { wait, records } of steps) {
          now += wait;
          for (let index = 0; index < records; index++) sender.add(messageOf(sender.next), 1_000, now, inUse);
          hedge();
        }
        const last = now;
        now += 16_000;
        while (hedge());
        expect([...hedged.values()].every((at) => at > last)).toBe(true);
        expect(hedged.size).toBe(sender.next);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is patient at once with a path whose round trip is longer than that of the one before', () => {
    const sender = senderWith(1);
    sender.acknowledge(1, takes, [], 10);
    sender.moved(300);
    expect(sender.roundTrip).toBe(300);
    sender.moved(10);
    sender.moved(undefined);
    expect(sender.roundTrip).toBe(300);
  });

  it('measures no round trip by what was sent twice', () => {
    const sender = senderWith(1);
    sender.again(0, inUse);
    sender.acknowledge(1, takes, [], 900);
    expect(sender.roundTrip).toBeUndefined();
  });

  it('repeats the first 256 KiB on the one path there is, a second after the last progress', () => {
    const sender = senderWith(100, 10 * 1024);
    expect(sender.repeat(999)).toBeUndefined();
    expect(sender.repeat(1_000)).toEqual({ next: 0, last: 25 });
    expect(sender.repeat(1_999)).toBeUndefined();
    sender.acknowledge(10, takes, [], 1_500);
    expect(sender.repeat(2_499)).toBeUndefined();
    expect(sender.repeat(2_500)).toEqual({ next: 10, last: 35 });
  });

  it('repeats after twice as long each time, up to four seconds', () => {
    const sender = senderWith(1);
    expect(times(16_000, (now) => sender.repeat(now))).toEqual([1_000, 3_000, 7_000, 11_000, 15_000]);
  });
});
