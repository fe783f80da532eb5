import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitViolation } from '../../../../services/node/circuit/messages.ts';
import {
  encodeFrameHead,
  encodeText,
  encodeWindow,
  FRAME_HEAD_BYTES,
  type Frame,
  MAX_DATA_BYTES,
  readFrames,
  readOpening,
  StreamFrame,
  type StreamFrameType,
} from '../../../../services/node/streams/frames.ts';
import { bytes, fuzzRuns, mutated } from '../../../fuzz.ts';

const type: fc.Arbitrary<StreamFrameType> = fc.constantFrom(...Object.values(StreamFrame));
const frame: fc.Arbitrary<Frame> = fc.tuple(type, fc.nat({ max: 0xffff_ffff }), bytes(60)).map(
  ([type, stream, payload]): Frame => ({
    ...{ type, stream },
    payload: type === StreamFrame.window ? payload.subarray(0, 4) : payload,
  }),
);
const record = fc.array(frame, { maxLength: 12 });

function encode(frames: readonly Frame[]): Buffer {
  return Buffer.concat(
    frames.flatMap(({ type, stream, payload }) => [encodeFrameHead(type, stream, payload.length), payload]),
  );
}

describe('frames of streams', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(record, (frames) => {
        expect(readFrames(encode(frames))).toEqual(frames);
      }),
      { numRuns: 5_000 },
    );
  });

  it('never do more than refuse what makes no sense', () => {
    fc.assert(
      fc.property(fc.oneof(bytes(300), mutated(record.map(encode))), (input) => {
        try {
          expect(encode(readFrames(input))).toEqual(input);
        } catch (error) {
          expect(error).toBeInstanceOf(CircuitViolation);
        }
      }),
      fuzzRuns('stream-frames', 100_000),
    );
  });

  it.each([
    ['of an unknown type', 8, 0],
    ['of type 0', 0, 0],
    ['of a window that is too long', StreamFrame.window, 5],
    ['of a text that is too long', StreamFrame.reset, 1_025],
    ['of too much data', StreamFrame.data, MAX_DATA_BYTES + 1],
  ])('are refused %s', (_, type, length) => {
    const head = encodeFrameHead(StreamFrame.data, 1, length);
    head[0] = type;
    expect(() => readFrames(Buffer.concat([head, Buffer.alloc(length)]))).toThrow(CircuitViolation);
  });

  it('are refused where one is cut off', () => {
    const whole = encodeText(StreamFrame.reset, 3, 'reason');
    for (let length = 1; length < whole.length; length++)
      expect(() => readFrames(whole.subarray(0, length))).toThrow(CircuitViolation);
  });

  it('carry a text as far as it fits, never half a letter', () => {
    const [long] = readFrames(encodeText(StreamFrame.reset, 3, 'ß€'.repeat(1_000)));
    expect(long?.payload.length).toBeLessThanOrEqual(1_024);
    expect(long?.payload.toString()).not.toContain('\ufffd');
    const [short] = readFrames(encodeText(StreamFrame.refuse, 3, 'ß€'));
    expect(short?.payload.toString()).toBe('ß€');
  });

  it('say how much a window grows', () => {
    const [window] = readFrames(encodeWindow(9, 0xffff_ffff));
    expect(window).toMatchObject({ type: StreamFrame.window, stream: 9 });
    expect(window?.payload.readUInt32BE()).toBe(0xffff_ffff);
    expect(encodeWindow(9, 1)).toHaveLength(FRAME_HEAD_BYTES + 4);
  });
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,30}$/);
const opening = fc.record({
  app: name,
  from: name,
  kind: fc.constantFrom('stream' as const, 'channel' as const),
});

describe('what an OPEN asks for', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(opening, (value) => {
        expect(readOpening(Buffer.from(JSON.stringify(value)))).toEqual(value);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is a stream or a channel, and nothing else', () => {
    expect(() => readOpening(Buffer.from('{"app":"a","from":"b","kind":"flood"}'))).toThrow(CircuitViolation);
  });

  it('is refused where it makes no sense, and nothing worse', () => {
    const json = fc.oneof(
      bytes(100),
      fc.json().map((text) => Buffer.from(text)),
      mutated(opening.map((value) => Buffer.from(JSON.stringify(value)))),
    );
    fc.assert(
      fc.property(json, (input) => {
        try {
          const { app, from, kind } = readOpening(input);
          expect(Math.max(app.length, from.length)).toBeLessThanOrEqual(64);
          expect(['stream', 'channel']).toContain(kind);
        } catch (error) {
          expect(error).toBeInstanceOf(CircuitViolation);
        }
      }),
      fuzzRuns('stream-opening', 100_000),
    );
  });
});
