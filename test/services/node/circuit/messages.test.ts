import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CircuitViolation,
  encodeAck,
  encodeClose,
  encodeDatagrams,
  encodeHead,
  encodeProbe,
  encodeStep,
  HEAD_BYTES,
  MAX_RANGES,
  MessageType,
  type Note,
  type Range,
  readHead,
  readNote,
  readStep,
} from '../../../../services/node/circuit/messages.ts';
import { bytes, fuzzRuns, mutated } from '../../../fuzz.ts';

/** Of a record or note: what makes a nonce that is exact. */
const number = fc.maxSafeNat().map((value) => value % 2 ** 52);
const word = fc.nat({ max: 0xffff_ffff });
const range: fc.Arbitrary<Range> = fc.record({ first: number, length: word });
const ack = fc
  .tuple(number, word, fc.array(range, { maxLength: 20 }))
  .map(([next, takes, ranges]) => ({ kind: 'ack' as const, next, takes, ranges }));
const probe = fc.record({ kind: fc.constantFrom('probe' as const, 'echo' as const), path: word, id: word });
const datagrams = fc
  .tuple(word, fc.array(bytes(60), { maxLength: 20 }))
  .map(([channel, payloads]) => ({ kind: 'datagrams' as const, channel, payloads }));
const close = fc
  .string({ maxLength: 500, unit: 'grapheme' })
  .map((text) => ({ kind: 'close' as const, reason: text.slice(0, 500).toWellFormed() }));
const note: fc.Arbitrary<Note> = fc.oneof(ack, probe, datagrams, close);

function encode(value: Note): Buffer {
  switch (value.kind) {
    case 'ack':
      return encodeAck(value.next, value.takes, value.ranges);
    case 'datagrams':
      return Buffer.concat(encodeDatagrams(value.channel, value.payloads));
    case 'close':
      return encodeClose(value.reason);
    default:
      return encodeProbe(value.kind, value.path, value.id);
  }
}

describe('notes of a circuit', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(note, (value) => {
        expect(readNote(encode(value))).toEqual(value);
      }),
      { numRuns: 5_000 },
    );
  });

  it('carry as many ranges as an acknowledgement has room for', () => {
    const ranges = Array.from({ length: MAX_RANGES }, (_, index) => ({ first: 2 * index + 1, length: 1 }));
    expect(readNote(encodeAck(0, 1, ranges))).toEqual({ kind: 'ack', next: 0, takes: 1, ranges });
  });

  it('are cut where the reason of a close is too long', () => {
    const read = readNote(encodeClose('é'.repeat(5_000)));
    expect(read).toEqual({ kind: 'close', reason: 'é'.repeat(500) });
  });

  it('refuse a number that no nonce can be made of', () => {
    const note = encodeAck(0, 1, []);
    note.writeUInt32BE(2 ** 20, 1);
    expect(() => readNote(note)).toThrow(CircuitViolation);
  });

  it('never do more than refuse what makes no sense', () => {
    fc.assert(
      fc.property(fc.oneof(bytes(400), mutated(note.map(encode))), (input) => {
        const read = readOrRefuse(input);
        if (read?.kind === 'ack') expect(read.ranges.length).toBeLessThanOrEqual(MAX_RANGES);
        if (read?.kind === 'datagrams') {
          const size = read.payloads.reduce((sum, payload) => sum + payload.length, 0);
          expect(size + 2 * read.payloads.length + 5).toBe(input.length);
        }
      }),
      fuzzRuns('circuit-notes', 100_000),
    );
  });
});

describe('heads of a circuit', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(fc.constantFrom(2 as const, 3 as const), fc.nat({ max: 255 }), number, (type, epoch, n) => {
        const head = encodeHead(type, epoch, n);
        expect(head).toHaveLength(HEAD_BYTES);
        expect(head[0]).toBe(type);
        expect(readHead(head)).toEqual({ epoch, number: n });
      }),
      { numRuns: 5_000 },
    );
  });

  it('are read of anything, or not at all', () => {
    fc.assert(
      fc.property(bytes(40), (input) => {
        const head = readHead(input);
        if (input.length < HEAD_BYTES) expect(head).toBeUndefined();
        if (head) expect(Number.isSafeInteger(2 * head.number + 1)).toBe(true);
        const step = readStep(input);
        if (step) expect(Buffer.concat(encodeStep(step)).subarray(1)).toEqual(input.subarray(1));
        else expect(input.length).toBeLessThanOrEqual(3);
      }),
      fuzzRuns('circuit-heads', 100_000),
    );
  });

  it('say which message of which handshake follows', () => {
    const content = Buffer.from('message');
    const message = Buffer.concat(encodeStep({ epoch: 7, step: 2, content }));
    expect(message[0]).toBe(MessageType.handshake);
    expect(readStep(message)).toEqual({ epoch: 7, step: 2, content });
  });
});

function readOrRefuse(input: Buffer): Note | undefined {
  try {
    return readNote(input);
  } catch (error) {
    expect(error).toBeInstanceOf(CircuitViolation);
    return undefined;
  }
}
