import { describe, expect, it } from 'vitest';
import { isMet, markdownTable, type Row } from '../../../scripts/measure/row.ts';

const list: Row = {
  group: 'viscript',
  what: 'list',
  unit: 'ms',
  ours: [40, 50, 60],
  peers: { PM2: [200, 200, 200], supervisord: [100, 25, 240] },
  must: { limit: 0.35, of: 'PM2' },
  goal: { limit: 0.2, of: 'PM2' },
};

describe('markdownTable', () => {
  it('shows medians, ratios, rounds and whether bounds are met', () => {
    expect(markdownTable([list]).split('\n')[2]).toBe(
      '| viscript | list | 50.0 ms | PM2 200 ms (0.25 ×)<br>supervisord 100 ms (0.40 ×) | 3 | ≤ 0.35 × PM2 ✓ | ≤ 0.2 × PM2 ✗ |',
    );
  });

  it('leaves empty what has no peer and no bound', () => {
    const row: Row = {
      group: 'image',
      what: 'boot',
      unit: 's',
      ours: [25.4],
      peers: {},
      goal: { limit: 25 },
    };
    expect(markdownTable([row]).split('\n')[2]).toBe('| image | boot | 25.4 s | – | 1 | – | ≤ 25 s ✗ |');
  });
});

describe('isMet', () => {
  it('judges the median itself where no peer is named', () => {
    expect(isMet(list, { limit: 50 })).toBe(true);
    expect(isMet(list, { limit: 49 })).toBe(false);
  });
});
