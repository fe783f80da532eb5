import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RecordSplitter } from '../../../../services/net/session/record-splitter.ts';

const lengthOf = (head: Buffer): number => 4 + head.readUInt32BE();

function record(body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

it('cuts a stream into records, however it comes', () => {
  const bodies = fc.array(
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    { maxLength: 10 },
  );
  const cuts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(bodies, cuts, (all, sizes) => {
      const records = all.map(record);
      const stream = Buffer.concat(records);
      const splitter = new RecordSplitter(lengthOf);
      const got: Buffer[] = [];
      for (let at = 0, index = 0; at < stream.length; index++) {
        const end = at + (sizes[index % sizes.length] ?? 1);
        splitter.push(stream.subarray(at, end), (each) => got.push(each));
        at = end;
      }
      return (
        got.length === records.length &&
        got.every((each, index) => each.equals(records[index] ?? Buffer.of()))
      );
    }),
    { numRuns: 10_000 },
  );
});

it('copies no record that lies within one chunk', () => {
  const chunk = Buffer.concat([record(Buffer.alloc(100)), record(Buffer.alloc(200))]);
  const got: Buffer[] = [];
  new RecordSplitter(lengthOf).push(chunk, (each) => got.push(each));
  expect(got.map(({ buffer }) => buffer)).toEqual([chunk.buffer, chunk.buffer]);
  expect(got.map(({ length }) => length)).toEqual([104, 204]);
});

it('lets whoever uses it refuse a length before a byte more is kept', () => {
  const splitter = new RecordSplitter(() => {
    throw new RangeError('too long');
  });
  splitter.push(Buffer.of(255, 255, 255), () => undefined);
  expect(() => splitter.push(Buffer.of(255), () => undefined)).toThrow(RangeError);
});
