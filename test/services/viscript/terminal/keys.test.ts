import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Key, KeyDecoder } from '../../../../services/viscript/terminal/keys.ts';
import { fuzzRuns } from '../../../fuzz.ts';

describe('KeyDecoder', () => {
  it.each([
    ['abc é字🙂', ['"abc é字🙂"']],
    ['\x01\x05\x7f\x08\t\r', ['ctrl-a', 'ctrl-e', 'backspace', 'backspace', 'tab', 'enter']],
    ['\x1b[A\x1b[B\x1b[C\x1b[D\x1bOA', ['up', 'down', 'right', 'left', 'up']],
    [
      '\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH\x1bOF\x1b[7~\x1b[8~',
      ['home', 'end', 'home', 'end', 'home', 'end', 'home', 'end'],
    ],
    ['\x1b[1;5D\x1b[1;5C\x1bOd\x1bOc', ['ctrl-left', 'ctrl-right', 'ctrl-left', 'ctrl-right']],
    ['\x1b[1;3D\x1b[1;3C\x1b\x1b[D\x1bb\x1bf', ['alt-left', 'alt-right', 'alt-left', 'alt-b', 'alt-f']],
    ['\x1b\x7f\x1bd\x1b.\x1b[3~\x1b[3;5~', ['alt-backspace', 'alt-d', 'alt-.', 'delete', 'ctrl-delete']],
    ['\x1b[[Ax', ['"x"']],
    ['a\r\nb\n\r', ['"a"', 'enter', '"b"', 'enter', 'enter']],
    ['\x1b\r', ['enter']],
    ['\x1b[12\x03', ['ctrl-c']],
    ['\x1b[24;80Rok', ['"ok"']],
    ['\x1b]0;title\x07a\x1bP1$r\x1b\\b', ['"ab"']],
    ['\x1b]no end\rx', ['enter', '"x"']],
    ['\x1b[200~a\tb\x1b[Ac\x01\nd\x1b[201~\t', ['"a\tbc"', 'enter', '"d"', 'tab']],
    ['\x1b[200~lost end\x03\t', ['"lost end"', 'ctrl-c', 'tab']],
    ['a\0b', ['"ab"']],
    [
      [0x61, 0xff, 0x62],
      ['"a"', 'invalid', '"b"'],
    ],
    [
      [0xc3, 0x61],
      ['invalid', '"a"'],
    ],
    [
      [0xc0, 0xaf],
      ['invalid', 'invalid'],
    ],
    [[0xed, 0xa0, 0x80], ['invalid']],
    [
      [0xc2, 0x9b, 0x41],
      ['invalid', '"A"'],
    ],
  ])('reads %j', (input, keys) => {
    const bytes = typeof input === 'string' ? Buffer.from(input) : Buffer.from(input);
    expect(decode([bytes])).toEqual(keys);
    expect(decode([...bytes].map((byte) => Buffer.from([byte])))).toEqual(keys);
  });

  it('reads the same keys wherever a line tears the bytes apart, and never fails', () => {
    const hostile = fc.constantFrom(
      0x1b,
      0x5b,
      0x4f,
      0x5d,
      0x32,
      0x30,
      0x7e,
      0x3b,
      0x0d,
      0x0a,
      0x03,
      0xc3,
      0xf0,
      0x9f,
      0x61,
    );
    const bytes = fc.array(fc.oneof(hostile, fc.nat(255)), { maxLength: 40 });
    fc.assert(
      fc.property(bytes, fc.nat(40), (input, at) => {
        const whole = Buffer.from(input);
        return isDeepStrictEqual(decode([whole.subarray(0, at), whole.subarray(at)]), decode([whole]));
      }),
      fuzzRuns('terminal-keys', 100_000),
    );
  });
});

/** Keys in short: text in quotes, runs of it joined. */
function decode(chunks: Buffer[]): string[] {
  const decoder = new KeyDecoder();
  const keys: Key[] = chunks.flatMap((chunk) => decoder.push(chunk));
  const short: string[] = [];
  for (const key of keys) {
    const last = short.at(-1);
    if (key.kind === 'key') short.push(key.name);
    else if (last?.startsWith('"') === true) short[short.length - 1] = `${last.slice(0, -1)}${key.text}"`;
    else short.push(`"${key.text}"`);
  }
  return short;
}
