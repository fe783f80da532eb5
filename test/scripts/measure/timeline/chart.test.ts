import { describe, expect, it } from 'vitest';
import { type Chart, drawChart } from '../../../../scripts/measure/timeline/chart.ts';

const chart: Chart = {
  title: 'A download & its cuts',
  lines: [
    { name: 'ours', megabits: [0, 100, 300, 100], notes: ['0.10 s', '0.20 s'] },
    { name: '<theirs>', megabits: [100, 0, 0, 100], notes: ['2.00 s', '3.00 s'] },
  ],
  cuts: [
    { from: 1, to: 2 },
    { from: 3, to: 4 },
  ],
  cutMeans: 'cut',
  binSeconds: 1,
  top: 200,
  marks: [0, 100],
};
const svg = drawChart(chart);
const all = (pattern: RegExp) => Array.from(svg.matchAll(pattern), ([, found]) => found);

describe('a chart', () => {
  it('has a name, a line and its notes for each, and says both in words too', () => {
    expect(all(/class="name"[^>]*>([^<]*)</g)).toEqual(['ours', '&lt;theirs&gt;']);
    expect(all(/class="note"[^>]*>([^<]*)</g)).toEqual(['0.10 s', '0.20 s', '2.00 s', '3.00 s']);
    expect(all(/class="line (c\d)"/g)).toEqual(['c0', 'c1']);
    expect(all(/aria-label="([^"]*)"/g)).toEqual([
      'A download &amp; its cuts. ours: 0.10 s, 0.20 s. &lt;theirs&gt;: 2.00 s, 3.00 s.',
    ]);
  });

  it('marks each cut over the fields of all lines, where it was', () => {
    // After the one of the legend.
    const [, ...xs] = all(/class="cut" x="([^"]*)"/g).map(Number);
    const [, ...widths] = all(/class="cut" x="[^"]*" y="[^"]*" width="([^"]*)"/g).map(Number);
    const second = (900 - 74 - 20) / 4;
    expect(xs).toEqual([74 + second, 74 + 3 * second]);
    expect(widths).toEqual([second, second]);
  });

  it('draws a bin as wide as it lasts and as high as it counts, and none above the top', () => {
    const [steps = ''] = all(/class="line c0" d="([^"]*)"/g);
    // A field begins at 110 and ends at 206.
    expect(steps).toBe('M74 206V206H275.5V158H477V110H678.5V158H880V206');
  });

  it('has colours for light and for dark surroundings, and names for its axes', () => {
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg).toContain('>seconds since the first byte</text>');
    expect(svg).toContain('>Mbit/s at the receiver</text>');
  });
});
