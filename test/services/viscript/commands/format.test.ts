import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatMilliseconds,
  jsonLine,
  printable,
  table,
} from '../../../../services/viscript/commands/format.ts';
import { formatUptime } from '../../../../services/viscript/control/greeting.ts';

describe('what a person reads', () => {
  it.each([
    [0, '0s'],
    [59.9, '59s'],
    [3601, '1h 0m'],
    [90_061, '1d 1h 1m'],
  ])('%d seconds as %s', (seconds, text) => expect(formatUptime(seconds)).toBe(text));

  it.each([
    [0.85, '850µs'],
    [12.345, '12.35ms'],
    [1500, '1.50s'],
  ])('%d milliseconds as %s', (milliseconds, text) => expect(formatMilliseconds(milliseconds)).toBe(text));

  it.each([
    [512, '512 B'],
    [1536, '1.5 KiB'],
    [44_040_192, '42.0 MiB'],
  ])('%d bytes as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('columns as wide as their widest cell', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['long', '1'],
          ['x', ''],
        ],
      ),
    ).toBe('A     B\nlong  1\nx\n');
  });

  it('keeps colours that an app writes, and nothing else that could move the cursor or change the terminal', () => {
    expect(printable('\x1b[31mred\x1b[0m\x1b[2J\x1b]0;title\x07\x9b2J\r')).toBe(
      '\x1b[31mred\x1b[0m�[2J�]0;title��2J�',
    );
  });

  it('is JSON that says the same and steers no terminal either', () => {
    const data = { text: 'é\x1b[2J\x7f\x80\x9b2J\u{1f600}' };
    const line = jsonLine(data);
    expect(JSON.parse(line)).toEqual(data);
    expect(line).toMatch(/^\P{Cc}+\n$/u);
  });
});
