import fc from 'fast-check';

export function bytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
}

type Change = (input: Buffer) => Buffer;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, value]): Change => {
    return (input) => {
      if (input.length > 0) input[at % input.length] = value;
      return input;
    };
  }),
  // Heads and lengths stand at the front: a change there is worth more.
  fc.tuple(fc.nat({ max: 13 }), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)).map(([at, value]): Change => {
    return (input) => {
      if (at < input.length) input[at] = value;
      return input;
    };
  }),
  fc.nat().map(
    (at): Change =>
      (input) =>
        input.subarray(0, at % (input.length + 1)),
  ),
  bytes(20).map(
    (tail): Change =>
      (input) =>
        Buffer.concat([input, tail]),
  ),
);

/** What is right, with up to four bytes changed, cut off or added. */
export function mutated(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(valid, fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([input, changes]) => changes.reduce<Buffer>((changed, each) => each(changed), Buffer.from(input)));
}
