import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DatagramSplitter, encodeDatagrams } from '../../../services/mesh/datagrams.ts';

it('datagrams come out as they went in, however the bytes are cut', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (all, sizes) => {
      const sent = all.map((payload) => Buffer.from(payload));
      const bytes = encodeDatagrams(sent);
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
