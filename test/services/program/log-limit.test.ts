import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LogLimit, linesPerMinute, maxSources } from '../../../services/program/log-limit.ts';

describe('a log that others write to', () => {
  let lines: string[];
  let log: LogLimit;
  beforeEach(() => {
    vi.useFakeTimers();
    lines = [];
    log = new LogLimit((line) => lines.push(line));
  });
  afterEach(() => vi.useRealTimers());

  function say(source: string, count: number): void {
    for (let each = 1; each <= count; each++) log.say(source, `${source} ${each}`);
  }

  it('has so many lines of one source in a minute, and then one that says how many were left out', () => {
    say('eve', 1_000_000);
    expect(lines).toHaveLength(linesPerMinute);
    expect(lines.at(-1)).toBe(`eve ${linesPerMinute}`);
    vi.advanceTimersByTime(60_000);
    expect(lines.slice(linesPerMinute)).toEqual([
      `eve: ${1_000_000 - linesPerMinute} more lines were left out`,
    ]);
  });

  it('begins anew each minute', () => {
    say('eve', linesPerMinute + 1);
    vi.advanceTimersByTime(60_000);
    lines.length = 0;
    say('eve', 1);
    expect(lines).toEqual(['eve 1']);
    vi.advanceTimersByTime(60_000);
    expect(lines).toEqual(['eve 1']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has room for others while one floods it', () => {
    say('eve', linesPerMinute + 5);
    say('ann', 2);
    expect(lines.slice(-2)).toEqual(['ann 1', 'ann 2']);
  });

  it('counts sources without end as one', () => {
    for (let each = 0; each < 100_000; each++) log.say(`eve ${each}`, 'hello');
    expect(lines).toHaveLength(maxSources + linesPerMinute);
    vi.advanceTimersByTime(60_000);
    const left = 100_000 - maxSources - linesPerMinute;
    expect(lines.slice(maxSources + linesPerMinute)).toEqual([`others: ${left} more lines were left out`]);
  });

  it('says at the end what was left out', () => {
    say('eve', linesPerMinute + 2);
    log.flush();
    expect(lines.at(-1)).toBe('eve: 2 more lines were left out');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps a line one line, of a length that can be read', () => {
    log.say('eve', 'refused:\r\nnode ab is \u001b[2Jfine');
    log.say('eve', 'x'.repeat(100_000));
    expect(lines[0]).toBe('refused:  node ab is  [2Jfine');
    expect(lines[1]).toBe(`${'x'.repeat(2_048)}…`);
  });
});
