import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  quoteWord,
  scanWords,
  splitWords,
  WordsError,
} from '../../../../services/viscript/terminal/words.ts';
import { fuzzRuns } from '../../../fuzz.ts';

describe('splitWords', () => {
  it.each([
    ['', []],
    [' \t ', []],
    ['s apptracker 127.0.0.1:20000', ['s', 'apptracker', '127.0.0.1:20000']],
    ['Start /Data/ÉTÉ/App ABCdef', ['Start', '/Data/ÉTÉ/App', 'ABCdef']],
    ['\'a b\'c"d e"f\\ g', ['a bcd ef g']],
    ['\'\' ""', ['', '']],
    ['"\\$ \\` \\" \\\\ \\n"', ['$ ` " \\ \\n']],
    ["'\\n'", ['\\n']],
    ['a\\\nb "c\\\nd"', ['ab', 'cd']],
    ['$HOME *.txt a;b a|b >c &', ['$HOME', '*.txt', 'a;b', 'a|b', '>c', '&']],
    ['la # all of it', ['la']],
    ['a#b "#c" \\#d', ['a#b', '#c', '#d']],
    ['# nothing', []],
    ['ping 1\r', ['ping', '1']],
  ])('reads %j', (line, words) => {
    expect(splitWords(line)).toEqual(words);
  });

  it.each([
    ["start 'a b", "the quote ' is not closed", 7],
    ['start "a b', 'the quote " is not closed', 7],
    ['é🙂 "', 'the quote " is not closed', 4],
    ['a \\', 'nothing follows the backslash', 3],
    ["'a' 'b' \"c\\\"", 'the quote " is not closed', 9],
  ])('refuses %j and names the column', (line, message, column) => {
    const error = catchError(() => splitWords(line));
    expect(error).toBeInstanceOf(WordsError);
    expect(error).toMatchObject({ message: `${message} (column ${column})`, column });
  });

  it('never fails in another way, whatever it reads', () => {
    fc.assert(
      fc.property(hostileLine(), (line) => {
        const error = catchError(() => splitWords(line));
        const isOpen = (scanWords(line).last?.open ?? '') !== '';
        return isOpen ? error instanceof WordsError : error === undefined;
      }),
      fuzzRuns('words', 100_000),
    );
  });

  it('reads back every list of words that quoteWord wrote', () => {
    fc.assert(
      fc.property(fc.array(hostileLine()), (words) => {
        return isDeepStrictEqual(splitWords(words.map(quoteWord).join(' ')), words);
      }),
      fuzzRuns('quoted-words', 100_000),
    );
  });

  it('splits as sh does, where sh expands nothing', () => {
    const line = `a 'b  c' "d \\"e\\" \\\\ \\x" f\\ g h'i'"j"\\k '' "" l#m # n`;
    const sh = execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' });
    expect(splitWords(line)).toEqual(sh.split('\0').slice(0, -1));
  });

  it('takes a line of a megabyte in its stride', () => {
    const word = `'${'x'.repeat(512 * 1024)}'`;
    expect(splitWords(`${word} ${'a '.repeat(256 * 1024)}`)).toHaveLength(256 * 1024 + 1);
  });
});

describe('quoteWord', () => {
  it('leaves plain words alone and is understood by sh', () => {
    expect(quoteWord('127.0.0.1:20000')).toBe('127.0.0.1:20000');
    const words = ['', "it's", '$HOME', 'a\nb', '#c', '~', '*', 'é "x"', '-n'];
    const sh = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(quoteWord).join(' ')}`], {
      encoding: 'utf8',
    });
    expect(sh.split('\0').slice(0, -1)).toEqual(words);
  });
});

describe('scanWords', () => {
  it.each([
    ['start my', ['start'], { text: 'my', start: 6, open: '', openAt: 8 }],
    ['start "my f', ['start'], { text: 'my f', start: 6, open: '"', openAt: 6 }],
    ["a b'c", ['a'], { text: 'bc', start: 2, open: "'", openAt: 3 }],
    ['a b\\', ['a'], { text: 'b', start: 2, open: '\\', openAt: 3 }],
    ['start ', ['start'], undefined],
  ])('finds the word being typed in %j', (line, words, last) => {
    expect(scanWords(line)).toEqual({ words, last, comment: false });
  });
});

/** Text in which the characters that mean something come up often. */
function hostileLine(): fc.Arbitrary<string> {
  const characters = [...` \t\r\n'"\\#$\`;|&<>*?~=-aBz09/é字🙂\0\x7f\u0301\u2028\ud800`];
  return fc.string({ unit: fc.constantFrom(...characters), maxLength: 20 });
}

function catchError(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
