import { expect, it } from 'vitest';
import type { Target } from '../../../image/flash/outcome.ts';
import { FlashView } from '../../../scripts/skyminer/flash/view.ts';

const card = (path: string): Target => ({
  card: { path, device: '8:16', size: 1e9, serial: undefined, sequence: undefined },
  board: undefined,
});

it('shows of each card how far it is, how fast, and how much time is left', () => {
  const [one, two] = [card('/dev/sdb'), card('/dev/sdc')];
  let now = 0;
  let shown = '';
  const output = { isTTY: true, columns: 80, write: (text: string) => (shown += text) };
  {
    using view = new FlashView({ output, now: () => now });
    view.report(one, { phase: 'write', done: 0, total: 200e6 });
    view.report(two, { phase: 'check', done: 50, total: 100 });
    now = 2000;
    view.report(one, { phase: 'write', done: 50e6, total: 200e6 });
  }
  expect(shown).toBe(
    '/dev/sdb             write      25 %    25.0 MB/s  0:06 left\n/dev/sdc             check      50 %\n',
  );
});
