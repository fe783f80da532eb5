import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  channelConnectedShape,
  connectedShape,
  type FirstLine,
  formatFirstLine,
  formatRefusal,
  greetedShape,
  parseAnswer,
  parseFirstLine,
  registeredShape,
} from '../../../services/mesh/first-line.ts';
import { MeshError } from '../../../services/mesh/index.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { fuzzRuns } from '../../fuzz.ts';
import { nearly } from '../../shapes.ts';

const key = Identity.generate().publicKey;
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const ticket = { token: fc.string({ maxLength: 64 }), id: fc.integer({ min: 1 }) };
const keys = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as PublicKey);
const target = fc.oneof(fc.record({ app: word }), fc.record({ node: keys, app: word }));
const line: fc.Arbitrary<FirstLine> = fc.oneof(
  fc.record({
    want: fc.constant('app' as const),
    name: word,
    type: word,
    access: fc.oneof(
      fc.constant('rack' as const),
      fc.constant('mesh' as const),
      fc.array(keys, { maxLength: 5 }),
    ),
  }),
  fc.record({ want: fc.constantFrom('stream' as const, 'channel' as const), ...ticket, to: target }),
  fc.record({ want: fc.constant('accept' as const), ...ticket }),
  fc.record({ want: fc.constant('show' as const) }),
);

const answers = [
  [registeredShape, fc.record({ node: keys, token: fc.string({ maxLength: 64 }) })],
  [connectedShape, fc.record({ node: keys, remote: fc.record({ node: keys, app: word }) })],
  [
    channelConnectedShape,
    fc.record({
      ...{ node: keys, remote: fc.record({ node: keys, app: word }) },
      maxBytes: fc.integer({ min: 1 }),
    }),
  ],
  [greetedShape, fc.record({ node: keys })],
] as const;

/** Each shape with what may be the line of an answer in it, or nearly is. */
const answerLines = fc.oneof(
  ...answers.map(([shape, valid], kind) => {
    const refusal = fc.record({ error: fc.string(), message: fc.jsonValue() });
    const values = fc.oneof(nearly(valid), nearly(refusal)).map((value) => JSON.stringify(value));
    const text = fc.oneof({ weight: 4, arbitrary: values }, fc.string(), fc.json({ maxDepth: 2 }));
    return text.map((answer) => [kind, shape, answer] as const);
  }),
);

/** Parses what may be anything: nothing but a line or a MeshError may come of it. */
function parses(text: string): void {
  try {
    parseFirstLine(text);
  } catch (error) {
    expect(error).toBeInstanceOf(MeshError);
  }
}

describe('the first line', () => {
  it('is read as it was written', () => {
    const survives = (value: FirstLine) => {
      expect(parseFirstLine(formatFirstLine(value))).toEqual(value);
    };
    fc.assert(fc.property(line, survives));
  });

  it('may be anything, and is refused with words', () => {
    const damaged = fc
      .tuple(line.map(formatFirstLine), fc.nat(), fc.string({ maxLength: 4 }), fc.nat(8))
      .map(([text, at, insert, cut]) => {
        const place = at % text.length;
        return text.slice(0, place) + insert + text.slice(place + cut);
      });
    const anything = fc.oneof(fc.string({ maxLength: 200 }), fc.json({ maxDepth: 3 }), damaged);
    fc.assert(fc.property(anything, parses), fuzzRuns('first-line', 100_000));
  });

  it.each([
    ['GET / HTTP/1.1', 'the first line is not understood'],
    ['[]', 'expected an object'],
    ['{"skywire":2,"want":"show"}', 'skywire: expected 1'],
    ['{"skywire":1,"want":"all"}', 'want: expected app, stream, channel, accept, pass or show'],
    ['{"skywire":1,"want":"app","name":"a b","type":"t","access":"rack"}', 'name: expected'],
    ['{"skywire":1,"want":"app","name":"a","type":"t","access":"all"}', 'access: expected'],
    ['{"skywire":1,"want":"app","name":"a","type":"t","access":["ab"]}', 'access: expected a key'],
    ['{"skywire":1,"want":"stream","token":"t","id":0,"to":{"app":"a"}}', 'id: expected'],
    ['{"skywire":1,"want":"stream","token":"t","id":1,"to":"a"}', 'to: expected an object'],
  ])('%s is refused: %s', (text, message) => {
    expect(() => parseFirstLine(text)).toThrow(message);
  });
});

describe('an answer', () => {
  it('may be anything, and is what it should be or a MeshError', () => {
    const check = ([, shape, answer]: readonly [number, (typeof answers)[number][0], string]) => {
      try {
        const value = parseAnswer<unknown>(answer, shape);
        expect(parseAnswer<unknown>(JSON.stringify(value), shape)).toEqual(value);
      } catch (error) {
        expect(error).toBeInstanceOf(MeshError);
      }
    };
    fc.assert(fc.property(answerLines, check), fuzzRuns('answers', 100_000));
  });

  it.each(['not-found', 'name-taken'] as const)('carries a refusal as it was: %s', (code) => {
    const refusal = new MeshError(code, 'for a reason');
    expect(() => parseAnswer(formatRefusal(refusal), greetedShape)).toThrow(refusal);
  });

  it('is the error that the node names', () => {
    expect(parseAnswer(`{"node":"${key}"}`, greetedShape)).toEqual({ node: key });
    expect(() => parseAnswer('{"error":"no-route","message":"cut"}', greetedShape)).toThrow(
      new MeshError('no-route', 'cut'),
    );
    expect(() => parseAnswer('{"error":"new"}', greetedShape)).toThrow('the node says invalid');
    expect(() => parseAnswer('HTTP/1.1 400 Bad Request', greetedShape)).toThrow('is not understood');
  });
});
