import { describe, expect, it } from 'vitest';
import { HexInput, HexView } from '../../../../scripts/console/view/hex.ts';
import { History } from '../../../../scripts/console/view/history.ts';
import { KeyReader } from '../../../../scripts/console/view/keys.ts';
import { mapper } from '../../../../scripts/console/view/mapping.ts';
import { withoutQuestions } from '../../../../scripts/console/view/questions.ts';
import { Stamps } from '../../../../scripts/console/view/stamps.ts';

describe('History', () => {
  it('keeps the end, beginning with a line, and says what is missing', () => {
    const history = new History(100);
    for (let line = 0; line < 1000; line++) history.add(Buffer.from(`line ${line}\r\n`));
    history.add(Buffer.from('prompt> '));
    const { bytes, missing } = history.from(0);
    expect(bytes.length).toBeLessThanOrEqual(100);
    expect(bytes.toString()).toMatch(/^line \d+\r\n[\s\S]*line 999\r\nprompt> $/);
    expect(missing + bytes.length).toBe(history.end);
    expect(history.from(history.lastLine).bytes.toString()).toBe('prompt> ');
    expect(history.from(history.end)).toEqual({ bytes: Buffer.alloc(0), missing: 0 });
  });

  it('keeps a bounded part of a line that never ends', () => {
    const history = new History(100);
    for (let piece = 0; piece < 5000; piece++) history.add(Buffer.from('abc'));
    expect(history.from(0).bytes).toHaveLength(100);
  });
});

describe('KeyReader', () => {
  const typed = (...pieces: string[]) => {
    const reader = new KeyReader();
    const found = pieces.flatMap((piece) => [...reader.read(Buffer.from(piece))]);
    return found.map((key) => (key.kind === 'bytes' ? key.bytes.toString() : [key.key]));
  };

  it('tells commands from what is meant for the board, also when they come torn', () => {
    expect(typed('ab\x1dlcd')).toEqual(['ab', ['l'], 'cd']);
    expect(typed('ab\x1d', 'qx')).toEqual(['ab', ['q'], 'x']);
    expect(typed('\x03')).toEqual(['\x03']);
  });

  it('passes the prefix on when it is typed twice', () => {
    expect(typed('\x1d\x1da')).toEqual(['\x1d', 'a']);
  });
});

describe('Stamps', () => {
  const noon = new Date(2026, 0, 1, 12, 0, 0, 5).getTime();

  it.each([
    ['clock', '[12:00:00.005] a\r\n[12:00:01.505] b'],
    ['start', '[00:00:00.000] a\r\n[00:00:01.500] b'],
    ['delta', '[00:00:00.000] a\r\n[00:00:01.500] b'],
  ] as const)('puts %s before each line, and before no piece of one', (format, expected) => {
    const stamps = new Stamps(format, noon);
    const shown = [stamps.apply(Buffer.from('a\r'), noon), stamps.apply(Buffer.from('\n'), noon)];
    shown.push(stamps.apply(Buffer.from('b'), noon + 1500));
    expect(Buffer.concat(shown).toString()).toBe(expected);
  });
});

describe('hexadecimal', () => {
  it('shows and takes bytes', () => {
    const view = new HexView();
    expect(view.apply(Buffer.from(Array.from({ length: 17 }, (_, byte) => byte))).toString()).toBe(
      '00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\r\n10 ',
    );
    const input = new HexInput();
    expect([...input.apply(Buffer.from('0a f')), ...input.apply(Buffer.from('Fz1'))]).toEqual([0x0a, 0xff]);
  });
});

describe('withoutQuestions', () => {
  const left = (text: string) => withoutQuestions(Buffer.from(text)).toString();

  it.each([
    ['where the cursor stands', '\x1b[6n\x1b[?6n\x1b[5n'],
    ['who it is', '\x1b[c\x1b[0c\x1b[>c\x1b[=0c\x1b[>q\x1bZ\x05'],
    ['which modes it has', '\x1b[?2026$p\x1b[4$p\x1b[2$w\x1b[?u\x1b[1x'],
    ['how large it is', '\x1b[18t\x1b[14t\x1b[21t'],
    ['its settings', '\x1bP$qm\x1b\\\x1bP+q544e\x1b\\'],
    ['its colours and clipboard', '\x1b]11;?\x07\x1b]4;1;?;2;?\x1b\\\x1b]52;c;?\x07'],
    ['the same in the eight-bit forms', '\x9b6n\x9d10;?\x9c\x90$qm\x9c'],
  ])('leaves out what asks a terminal %s', (_, questions) => {
    expect(left(`before${questions}after`)).toBe('beforeafter');
  });

  it('leaves all else as it is', () => {
    const text =
      'grün ✓\r\n\x1b[1;31mred\x1b[0m\x1b[?1049h\x1b[2J\x1b[6;1H\x1b[22;0t\x1b[?2004h6n \x1b]0;what?\x07';
    expect(left(text)).toBe(text);
    expect(withoutQuestions(Buffer.from([0xff, 0x9b, 0x36, 0x6e]))).toEqual(
      Buffer.from([0xff, 0x9b, 0x36, 0x6e]),
    );
  });

  it('takes no longer for a board that means ill', () => {
    const text = '\x1b]'.concat(';?'.repeat(128 * 1024));
    expect(left(text)).toBe(text);
  });
});

describe('mapper', () => {
  it('changes bytes one way', () => {
    const names = ['INLCRNL', 'OCRNL', 'ODELBS'] as const;
    expect(mapper(names, 'input')(Buffer.from('a\nb\r')).toString()).toBe('a\r\nb\r');
    expect(mapper(names, 'output')(Buffer.from('a\r\x7f')).toString()).toBe('a\n\b');
  });
});
