import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DatagramSplitter, encodeDatagrams } from '../../../services/mesh/datagrams.ts';

it('datagrams come out as they went in, however the bytes are cut', () => {
  const short = fc.uint8Array({ maxLength: 300 });
  const long = fc.integer({ min: 8_000, max: 65_535 }).map((length) => new Uint8Array(length).fill(length));
  const payloads = fc.array(fc.oneof({ weight: 8, arbitrary: short }, long), { maxLength: 20 });
  const sizes = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 70_000 }));
  fc.assert(
    fc.property(payloads, fc.array(sizes, { minLength: 1 }), (all, sizes) => {
      const sent = all.map((payload) => Buffer.from(payload));
      const bytes = Buffer.concat(encodeDatagrams(sent));
      const splitter = new DatagramSplitter();
      const received: Buffer[] = [];
      for (let at = 0, count = 0; at < bytes.length; count++) {
        const end = at + (sizes[count % sizes.length] ?? 1);
        received.push(...splitter.push(bytes.subarray(at, end)));
        at = end;
      }
      expect(received.map((payload) => payload.toString('hex'))).toEqual(
        sent.map((payload) => payload.toString('hex')),
      );
    }),
  );
});
