import { expect, it } from 'vitest';
import { expose } from '../../../services/metrics/exposition.ts';

it('writes metrics as Prometheus reads them, names of nodes escaped', () => {
  const text = expose([
    { name: 'skywire_nodes', type: 'gauge', help: 'Two\nlines.', samples: [{ value: 3 }] },
    {
      ...{ name: 'skywire_sent_bytes_total', type: 'counter', help: 'Bytes.' },
      samples: [
        { labels: { from: 'a"b\\c\nd', to: 'x' }, value: 1e21 },
        { labels: { from: 'y', to: 'z' }, value: Number.POSITIVE_INFINITY },
      ],
    },
    { name: 'skywire_none', type: 'gauge', help: 'No samples.', samples: [] },
  ]);
  expect(text).toBe(
    [
      '# HELP skywire_nodes Two\\nlines.',
      '# TYPE skywire_nodes gauge',
      'skywire_nodes 3',
      '# HELP skywire_sent_bytes_total Bytes.',
      '# TYPE skywire_sent_bytes_total counter',
      'skywire_sent_bytes_total{from="a\\"b\\\\c\\nd",to="x"} 1e+21',
      'skywire_sent_bytes_total{from="y",to="z"} +Inf',
      '# HELP skywire_none No samples.',
      '# TYPE skywire_none gauge',
      '',
    ].join('\n'),
  );
});
