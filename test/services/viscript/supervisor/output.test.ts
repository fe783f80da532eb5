import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Output } from '../../../../services/viscript/supervisor/output.ts';

describe('output of an app', () => {
  it('is cut into lines, however the bytes come', () => {
    const output = new Output();
    const bytes = Buffer.from('first é\r\nsecond\nlast');
    for (const byte of bytes) output.write('stdout', Buffer.from([byte]));
    output.flush();
    expect(output.last(10).map(({ text }) => text)).toEqual(['first é', 'second', 'last']);
  });

  it('keeps both streams apart', () => {
    const output = new Output();
    output.write('stdout', Buffer.from('out '));
    output.write('stderr', Buffer.from('error\n'));
    output.write('stdout', Buffer.from('put\n'));
    expect(output.last(2).map(({ stream, text }) => `${stream}: ${text}`)).toEqual([
      'stderr: error',
      'stdout: out put',
    ]);
  });

  it('takes binary bytes without harm', () => {
    const output = new Output();
    output.write('stdout', Buffer.from([0xff, 0x00, 0x80, 0x0a]));
    expect(output.last(1)[0]?.text).toHaveLength(3);
  });
});

describe('output of an app that writes too much', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ['short lines', 'y\n'],
    ['empty lines', '\n'],
    ['a line without end', 'x'],
    ['bytes that are no text', '\xff\x00\x80'],
    ['escape sequences', '\x1b[2J\x1b[1;1H'],
  ])('stays bounded in memory, and what is dropped is told to the byte: %s', (_what, pattern) => {
    const output = new Output();
    const chunk = Buffer.from(pattern.repeat(Math.ceil(65_536 / pattern.length)), 'latin1');
    let written = 0;
    let lines = 0;
    output.on('line', () => lines++);
    for (let count = 0; count < 1000; count++) {
      output.write('stdout', chunk);
      written += chunk.length;
      vi.advanceTimersByTime(1);
    }
    output.flush();
    const kept = output.last(Number.POSITIVE_INFINITY);
    expect(kept.length).toBeLessThanOrEqual(1000);
    expect(kept.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(262_144);
    expect(lines).toBeLessThan(13_000);
    const told = kept.find(({ stream }) => stream === 'viscript');
    const dropped = Number(/^viscript: (\d+) bytes dropped/.exec(told?.text ?? '')?.[1]);
    // A mebibyte passes at once; in a second so little comes together that nothing more does.
    expect(dropped).toBeGreaterThan(written - 1_048_576 - 8192);
    expect(dropped).toBeLessThan(written);
  });

  it('counts what it drops to the byte', () => {
    const output = new Output();
    const texts: string[] = [];
    output.on('line', ({ text, stream }) => {
      if (stream !== 'viscript') texts.push(text);
    });
    const line = `${'a'.repeat(99)}\n`;
    for (let count = 0; count < 20_000; count++) output.write('stdout', Buffer.from(line));
    output.flush();
    const told = output.last(1000).find(({ stream }) => stream === 'viscript');
    expect(told?.text).toContain(`viscript: ${(20_000 - texts.length) * 100} bytes dropped`);
    expect(texts.every((text) => text.length === 99)).toBe(true);
  });

  it('shows the last lines before the end, whatever was dropped before', () => {
    const output = new Output();
    for (let count = 0; count < 100; count++) output.write('stdout', Buffer.alloc(65_536, 'flood\n'));
    output.write('stderr', Buffer.from('why: the disk is gone\nbye\n'));
    output.flush();
    const last = output.last(1000).map(({ text }) => text);
    expect(last.slice(-1)).toEqual(['bye']);
    expect(
      last.filter((text) => text.endsWith('bytes dropped: the app writes more than its log takes')),
    ).toHaveLength(1);
  });

  it('tells of it by itself when the app falls silent, and then takes lines again', () => {
    const output = new Output();
    for (let count = 0; count < 100; count++) output.write('stdout', Buffer.alloc(65_536, 'flood\n'));
    expect(output.last(1000).some(({ stream }) => stream === 'viscript')).toBe(false);
    vi.advanceTimersByTime(3000);
    expect(output.last(1000).some(({ stream }) => stream === 'viscript')).toBe(true);
    output.write('stdout', Buffer.from('calm again\n'));
    expect(output.last(1)[0]?.text).toBe('calm again');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('lets what is read in good time pass for ever', () => {
    const output = new Output();
    let lines = 0;
    output.on('line', () => lines++);
    for (let second = 0; second < 600; second++) {
      for (let count = 0; count < 500; count++)
        output.write('stdout', Buffer.from(`line ${count} of many\n`));
      vi.advanceTimersByTime(1000);
    }
    expect(lines).toBe(300_000);
  });
});
