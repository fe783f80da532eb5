import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { type Format, InvalidFile, parseText, read, TooMuch } from '../../../services/yaml/index.ts';

const schema = z.strictObject({
  colour: z.optional(z.enum(['red', 'green'], 'must be red or green')),
  sizes: z.optional(z.array(z.int('must be a whole number'))),
});
const format: Format<typeof schema> = { schema, maxBytes: 100 };

function problems(text: string, changed: Partial<Format<typeof schema>> = {}): string[] {
  try {
    parseText(text, 'f.yaml', { ...format, ...changed });
  } catch (error) {
    if (error instanceof InvalidFile) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('parseText', () => {
  it('gives what the text says', () => {
    expect(parseText('colour: red\nsizes: [1, 2]\n', 'f.yaml', format)).toEqual({
      colour: 'red',
      sizes: [1, 2],
    });
  });

  it('says at once what is wrong by the schema and what is wrong between values', () => {
    const check = () => [{ path: ['sizes', 1], message: 'too many sizes' }];
    expect(problems('colour: gren\nsizes: [1, 2]\nsize: 3\n', { check })).toEqual([
      'f.yaml:1:9: colour must be red or green, not "gren"; did you mean green?',
      'f.yaml:2:12: too many sizes',
      'f.yaml:3:1: unknown key "size": did you mean sizes?',
    ]);
  });

  it('stops where a check says that it is too much', () => {
    const check = () => {
      throw new TooMuch(['sizes'], 'more than one size');
    };
    expect(problems('x: 1\nsizes: [1, 2]\n', { check })).toEqual(['f.yaml:2:1: more than one size']);
  });

  it('lets no other error of a check pass as a problem of the file', () => {
    const check = () => {
      throw new Error('a fault');
    };
    expect(() => problems('colour: red', { check })).toThrow('a fault');
  });

  it('finds what was meant by another spelling', () => {
    expect(problems('colour: neerg', { respell: (word) => [...word].reverse().join('') })).toEqual([
      'f.yaml:1:9: colour must be red or green, not "neerg"; did you mean green?',
    ]);
  });

  it('refuses a text that is too long', () => {
    expect(problems(`#${'x'.repeat(100)}`)).toEqual(['f.yaml: is larger than 100 bytes']);
  });
});

describe('read', () => {
  it('places problems that are found later', () => {
    const { value, problems, problemAt } = read('colour: red\nsizes:\n  - 7\n', 'f.yaml', format);
    expect([value, problems]).toEqual([{ colour: 'red', sizes: [7] }, []]);
    const place = { file: 'f.yaml', line: 3, column: 5, message: 'm' };
    expect(problemAt({ path: ['sizes', 0], message: 'm' })).toEqual(place);
    expect(problemAt({ path: ['sizes'], key: true, message: 'm' })).toEqual({ ...place, line: 2, column: 1 });
  });
});
