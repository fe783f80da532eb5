import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textDiff } from '../../../../services/viscript/config/text-diff.ts';

describe('what changes between two texts', () => {
  it('is shown line by line, with a little of what is round it', () => {
    const lines = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const other = lines.with(3, 'D').toSpliced(6, 0, 'new');
    expect(textDiff(lines.join('\n'), other.join('\n'))).toEqual([
      '…',
      ' b',
      ' c',
      '-d',
      '+D',
      ' e',
      ' f',
      '+new',
      ' g',
      ' h',
    ]);
    expect(textDiff('same\n', 'same\n')).toEqual([]);
    expect(textDiff('', 'a\nb\n')).toEqual(['+a', '+b']);
  });

  it('has all that goes and all that comes, in order, also of texts that are too long for the shortest way', () => {
    const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
    const check = (before: string[], after: string[]) => {
      const shown = textDiff(before.join('\n'), after.join('\n'));
      const with_ = (sign: string) => shown.filter((line) => line.startsWith(sign)).length;
      expect(with_('+') - with_('-')).toBe(after.length - before.length);
    };
    fc.assert(
      fc.property(
        text.filter((t) => t.length > 0),
        text.filter((t) => t.length > 0),
        check,
      ),
    );
    const long = (word: string) => Array.from({ length: 2000 }, (_, n) => `${word}${n}`);
    expect(textDiff(long('a').join('\n'), long('b').join('\n'))).toHaveLength(4000);
  });
});
