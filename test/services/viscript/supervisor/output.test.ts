import { describe, expect, it } from 'vitest';
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

  it('stays bounded whatever is written', () => {
    const output = new Output();
    for (let count = 0; count < 100; count++) output.write('stdout', Buffer.alloc(1_000_000, 'x'));
    for (let count = 0; count < 5000; count++) output.write('stdout', Buffer.from(`line ${count}\n`));
    const kept = output.last(Number.MAX_SAFE_INTEGER);
    expect(kept.length).toBeLessThanOrEqual(1000);
    expect(kept.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(262_144);
    expect(kept.at(-1)?.text).toBe('line 4999');
  });

  it('takes binary bytes without harm', () => {
    const output = new Output();
    output.write('stdout', Buffer.from([0xff, 0x00, 0x80, 0x0a]));
    expect(output.last(1)[0]?.text).toHaveLength(3);
  });
});
