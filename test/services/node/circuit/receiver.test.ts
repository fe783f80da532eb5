import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_RANGES } from '../../../../services/node/circuit/messages.ts';
import { Receiver } from '../../../../services/node/circuit/receiver.ts';
import { maxUnackedBytes, Sender } from '../../../../services/node/circuit/sender.ts';

function recordOf(number: number, bytes = 8): Buffer {
  const record = Buffer.alloc(bytes);
  record.writeUInt32BE(number);
  return record;
}

/** @returns the numbers of the records that are next now */
function take(receiver: Receiver, number: number, bytes?: number): number[] {
  if (!receiver.wants(number)) return [];
  return receiver.take(number, recordOf(number, bytes)).map((record) => record.readUInt32BE());
}

describe('the receiving end of a circuit', () => {
  it('gives each record once and in order, however they arrive', () => {
    // Every record arrives, some more often, in any order.
    const arrivals = fc.integer({ min: 1, max: 60 }).chain((count) =>
      fc
        .array(fc.nat({ max: count - 1 }), { maxLength: 60 })
        .chain((doubles) =>
          fc.shuffledSubarray([...Array(count).keys(), ...doubles], { minLength: count + doubles.length }),
        )
        .map((order) => ({ count, order })),
    );
    fc.assert(
      fc.property(arrivals, ({ count, order }) => {
        const receiver = new Receiver();
        const got = order.flatMap((number) => take(receiver, number));
        expect(got).toEqual([...Array(count).keys()]);
        expect(receiver.next).toBe(count);
        expect(receiver.ranges).toEqual([]);
        expect(receiver.takes).toBe(maxUnackedBytes);
      }),
      { numRuns: 5_000 },
    );
  });

  it('says what it has, so that the sender keeps exactly the rest', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat({ max: 80 }), { maxLength: 80 }), (arrived) => {
        const receiver = new Receiver();
        const sender = new Sender();
        for (let number = 0; number <= 80; number++) sender.add([recordOf(number)], 8, 0, 0);
        for (const number of arrived) take(receiver, number);
        sender.acknowledge(receiver.next, receiver.takes, receiver.ranges, 1);
        const kept = [...Array(81).keys()].filter((number) => sender.again(number, 0));
        expect(kept).toEqual([...Array(81).keys()].filter((number) => !arrived.includes(number)));
      }),
      { numRuns: 5_000 },
    );
  });

  it('names no more ranges than an acknowledgement has room for, the first ones', () => {
    const receiver = new Receiver();
    for (let number = 2; number < 2_000; number += 2) take(receiver, number);
    expect(receiver.ranges).toHaveLength(MAX_RANGES);
    expect(receiver.ranges[0]).toEqual({ first: 2, length: 1 });
  });

  it('holds no more past a gap than a sender may have under way', () => {
    const receiver = new Receiver();
    const size = 64 * 1024;
    for (let number = 1; number < 1_000; number++) take(receiver, number, size);
    expect(receiver.takes).toBe(0);
    expect(receiver.ranges).toEqual([{ first: 1, length: maxUnackedBytes / size }]);
    // The gap is filled, and what was dropped is wanted again.
    expect(take(receiver, 0, size)).toHaveLength(1 + maxUnackedBytes / size);
    expect(receiver.takes).toBe(maxUnackedBytes);
    expect(take(receiver, receiver.next, size)).toHaveLength(1);
  });

  it('wants nothing that is too far ahead', () => {
    const receiver = new Receiver();
    expect(receiver.wants(65_535)).toBe(true);
    expect(receiver.wants(65_536)).toBe(false);
    expect(receiver.wants(2 ** 52 - 1)).toBe(false);
  });

  it('acknowledges soon after a record, and at once after 1 MiB', () => {
    const receiver = new Receiver();
    take(receiver, 0, 1_000);
    expect(receiver.due).toBe('soon');
    for (let number = 1; number <= 4; number++) take(receiver, number, 256 * 1024);
    expect(receiver.due).toBe('now');
    receiver.acknowledged();
    expect(receiver.due).toBeUndefined();
    take(receiver, 5);
    expect(receiver.due).toBe('soon');
  });

  it('acknowledges at once what came twice, and the first past a gap', () => {
    const receiver = new Receiver();
    take(receiver, 0);
    receiver.acknowledged();
    take(receiver, 0);
    expect(receiver.due).toBe('now');
    receiver.acknowledged();
    take(receiver, 2);
    expect(receiver.due).toBe('now');
    receiver.acknowledged();
    take(receiver, 3);
    expect(receiver.due).toBe('soon');
  });
});
