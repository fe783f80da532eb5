import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromCorpus, toCorpus } from './format.ts';

it('keeps bytes and JSON as they are', () => {
  const bytes = fc.uint8Array().map((array) => Buffer.from(array));
  // JSON knows no -0.
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));
  const kept = fc.oneof(bytes, json, fc.array(bytes), fc.record({ type: fc.nat(), payload: bytes }));
  fc.assert(
    fc.property(fc.array(kept), (values) => {
      expect(fromCorpus(JSON.parse(JSON.stringify(toCorpus(values))))).toEqual(values);
    }),
  );
});

it('keeps nothing that has a part of another kind', () => {
  for (const value of [undefined, () => 1, Number.NaN, 1n, [1, undefined], { a: { b: Symbol() } }])
    expect(toCorpus(value)).toBeUndefined();
});
