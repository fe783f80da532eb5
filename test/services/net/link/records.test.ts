import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BadFrame, FrameType, MAX_FRAME_BYTES } from '../../../../services/net/link/frames.ts';
import { RecordReader } from '../../../../services/net/link/record-reader.ts';
import { RecordWriter } from '../../../../services/net/link/record-writer.ts';
import { CipherState } from '../../../../services/net/noise/state.ts';
import { AESGCM, ChaChaPoly } from '../../../../services/net/noise/suite.ts';
import { fuzzRuns } from '../../../fuzz.ts';
import type { Frame } from './support.ts';

const key = Buffer.alloc(32, 7);
const cipher = (suite = AESGCM): CipherState => new CipherState(suite.aead(key));

/** What a reader makes of these chunks. */
function readAll(reader: CipherState, chunks: readonly Buffer[]): Frame[] {
  const got: Frame[] = [];
  const records = new RecordReader(reader, (type, label, payload) => got.push({ type, label, payload }));
  for (const chunk of chunks) records.push(chunk);
  return got;
}

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  fc.integer({ min: 4000, max: 70_000 }).map((length) => Buffer.alloc(length, length)),
);
const dataFrame = fc.record({
  label: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  parts: fc.array(
    payload.map((bytes) => Buffer.from(bytes)),
    { maxLength: 3 },
  ),
});

it.each([AESGCM, ChaChaPoly])('reads what was written, however it is cut: $name', (suite) => {
  fc.assert(
    fc.property(
      fc.array(dataFrame, { minLength: 1, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1 }),
      (all, cuts) => {
        const frames = all.filter(({ parts }) => Buffer.concat(parts).length <= MAX_FRAME_BYTES);
        const writer = new RecordWriter();
        const sealing = cipher(suite);
        const stream: Buffer[] = [];
        for (const { label, parts } of frames) {
          const bytes = Buffer.concat(parts).length;
          if (!writer.fits(bytes)) stream.push(...writer.take(sealing));
          writer.add(FrameType.data, label, parts, bytes);
        }
        if (!writer.empty) stream.push(...writer.take(sealing));
        const got = readAll(cipher(suite), cut(Buffer.concat(stream), cuts));
        expect(got.length).toBe(frames.length);
        got.forEach((frame, index) => {
          expect(frame.label).toBe(frames[index]?.label);
          expect(frame.payload.equals(Buffer.concat(frames[index]?.parts ?? []))).toBe(true);
        });
      },
    ),
    { numRuns: 200 },
  );
});

it('takes no bytes for a record that the other end did not seal', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 1, max: 50 }), (bytes, size) => {
      let got: Frame[] = [];
      try {
        got = readAll(cipher(), cut(Buffer.from(bytes), [size]));
      } catch (error) {
        if (!(error instanceof BadFrame)) throw error;
      }
      return got.length === 0;
    }),
    fuzzRuns('link-records', 100_000),
  );
});

it('takes only frames that make sense, whatever the other end seals', () => {
  const header = fc.record({
    type: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 })),
    label: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    bytes: fc.oneof(fc.constantFrom(0, 4, 6, 8), fc.integer({ min: 0, max: 2 ** 24 - 1 })),
  });
  const headers = fc.array(header, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(headers, fc.option(fc.integer({ min: 0, max: 60 })), (list, other) => {
      const sum = list.reduce((bytes, each) => bytes + each.bytes, 0);
      const length = other ?? Math.min(sum, 1000);
      let got: Frame[] = [];
      try {
        got = readAll(cipher(), [sealed(list, Buffer.alloc(length))]);
      } catch (error) {
        if (!(error instanceof BadFrame)) throw error;
        return got.length === 0;
      }
      return (
        sum === length &&
        got.length === list.length &&
        got.every(({ type, label, payload }, index) => {
          const known = type >= FrameType.data && type <= FrameType.udp;
          return known && payload.length === list[index]?.bytes && (type <= FrameType.down || label === 0);
        })
      );
    }),
    fuzzRuns('link-frames', 100_000),
  );
});

it('takes no record with a bit changed', () => {
  const writer = new RecordWriter();
  writer.add(FrameType.data, 5, [Buffer.from('what is sent')], 12);
  writer.add(FrameType.down, 6, [], 0);
  const record = Buffer.concat(writer.take(cipher()));
  for (let bit = 0; bit < record.length * 8; bit++) {
    const changed = Buffer.from(record);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    let got: Frame[] = [];
    try {
      got = readAll(cipher(), [changed, record]);
    } catch (error) {
      expect(error).toBeInstanceOf(BadFrame);
    }
    expect(got).toEqual([]);
  }
});

it('does not copy large payloads', () => {
  const large = Buffer.alloc(60_000, 1);
  const writer = new RecordWriter();
  writer.add(FrameType.data, 1, [Buffer.of(1), large], 60_001);
  const pieces = writer.take(cipher());
  expect(pieces).toContain(large);
  const record = Buffer.concat(pieces);
  const [frame] = readAll(cipher(), [record]);
  expect(frame?.payload.buffer).toBe(record.buffer);
});

function sealed(list: readonly { type: number; label: number; bytes: number }[], payload: Buffer): Buffer {
  const headers = Buffer.alloc(list.length * 8);
  list.forEach(({ type, label, bytes }, index) => {
    headers.writeUInt32BE(type * 2 ** 24 + bytes, index * 8);
    headers.writeUInt32BE(label, index * 8 + 4);
  });
  const head = Buffer.alloc(4);
  head.writeUInt32BE(list.length * 2 ** 24 + payload.length);
  return Buffer.concat([head, cipher().seal([head, payload], headers), payload]);
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const end = at + (sizes[index % sizes.length] ?? 1);
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}
