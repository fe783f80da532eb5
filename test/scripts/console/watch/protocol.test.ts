import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeShown,
  encodeText,
  type Frame,
  FrameReader,
  MAX_PAYLOAD,
  WatchProtocolError,
} from '../../../../scripts/console/watch/protocol.ts';
import { bytes, fuzzRuns, mutated } from '../../../fuzz.ts';

function readAll(stream: Buffer, step: number): Frame[] {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  for (let at = 0; at < stream.length; at += step)
    frames.push(...reader.read(stream.subarray(at, at + step)));
  return frames;
}

describe('the frames that a console sends', () => {
  it('come out as they went in, cut anywhere', () => {
    const shown = Buffer.alloc(2 * MAX_PAYLOAD + 7, 'x');
    const stream = Buffer.concat([
      encodeText('hello', 'node3'),
      encodeShown(shown),
      encodeText('dropped', 'you read too slowly'),
    ]);
    const short = readAll(Buffer.concat([encodeText('hello', 'node3'), encodeShown(Buffer.from('ab'))]), 1);
    expect(short.map(({ payload }) => payload.toString())).toEqual(['node3', 'ab']);
    for (const step of [501, 65_536, stream.length]) {
      const frames = readAll(stream, step);
      const kinds = ['hello', 'shown', 'shown', 'shown', 'dropped'];
      expect(frames.map(({ kind }) => kind)).toEqual(kinds);
      expect(frames[0]?.payload.toString()).toBe('node3');
      expect(Buffer.concat(frames.slice(1, -1).map(({ payload }) => payload)).equals(shown)).toBe(true);
    }
  });

  it.each([
    ['a length that no frame has', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x68])],
    ['no length', Buffer.from([0, 0, 0, 0, 0x68])],
    ['a kind that there is not', Buffer.from([0, 0, 0, 1, 0x7a])],
    ['output before the greeting', encodeShown(Buffer.from('x'))],
    ['two greetings', Buffer.concat([encodeText('hello', 'a'), encodeText('hello', 'b')])],
  ])('are refused with %s', (_, stream) => {
    expect(() => readAll(stream, 1)).toThrow(WatchProtocolError);
  });

  it('are read or refused whatever comes, and hold no more than a frame', () => {
    const valid = bytes(300).map((payload) =>
      Buffer.concat([encodeText('hello', 'n'), encodeShown(payload)]),
    );
    fc.assert(
      fc.property(fc.oneof(bytes(400), mutated(valid)), fc.integer({ min: 1, max: 50 }), (stream, step) => {
        try {
          for (const { payload } of readAll(stream, step))
            expect(payload.length).toBeLessThanOrEqual(MAX_PAYLOAD);
        } catch (error) {
          if (!(error instanceof WatchProtocolError)) throw error;
        }
      }),
      fuzzRuns('console-watch', 3000),
    );
  });
});
