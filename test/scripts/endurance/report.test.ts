import { expect, it } from 'vitest';
import { putReport, soakReport } from '../../../scripts/endurance/report.ts';

/** Of a soak that has found nothing yet. */
const nothing = { fuzz: {}, boards: {}, sources: {}, sabotage: {} };

const decoders = [
  { name: 'frames', file: 'one.test.ts', least: 100_000 },
  { name: 'words', file: 'two.test.ts', least: 100_000 },
];

it('says of each decoder what it had, and how to see it fail', () => {
  const report = soakReport(
    { ...nothing, fuzz: { frames: { inputs: 12_345, repeat: "vitest -t 'a|b'" } } },
    decoders,
  );
  expect(report).toContain("| frames | `one.test.ts` | 12,345 | yes: `vitest -t 'a\\|b'` |\n");
  expect(report).toContain('| words | `two.test.ts` | 0 | no |\n');
  expect(report).toContain('| together |  | 12,345 | 1 |\n');
  expect(report).toContain('Not measured yet.\n');
});

it('says by how much each process has grown', () => {
  const memory = {
    ...{ day: '2026-01-31', minutes: 10, bytes: 60e9, idleStreams: 1_000 },
    processes: [
      { name: 'node1', first: 80e6, last: 120e6, grows: true },
      { name: 'nm', first: 60e6, last: 57e6, grows: false },
    ],
  };
  const report = soakReport({ ...nothing, memory }, decoders);
  expect(report).toContain('carried 60.0 GB in 10 min (100 MB/s)');
  expect(report).toContain('| node1 | 80.0 MB | 120.0 MB | +40.0 MB (+50.0 %) | ✗ |\n');
  expect(report).toContain('| nm | 60.0 MB | 57.0 MB | −3.0 MB (−5.0 %) | ✓ |\n');
});

it('says what befell viscript and its apps', () => {
  const abuse = {
    ...{ day: '2026-01-31', minutes: 61, crashes: 2_000, hangs: 300, floods: 40, flooded: 12e9, knocks: 500 },
    ...{ kills: 30, pings: 4_000, slowest: 150, resident: 70e6, lost: [] },
  };
  const report = soakReport({ ...nothing, abuse }, decoders);
  expect(report).toContain('in 61 min: 2,000 crashes and ends of apps, 300 apps that hung');
  expect(report).toContain('Nothing was lost.\n');
});

it('says how often the power was cut, and what was lost', () => {
  const power = { day: '2026-01-31', recordings: 30, cuts: 3_000, boots: 20, gone: 12_345, lost: [] };
  const report = soakReport({ ...nothing, power }, decoders);
  expect(report).toContain('cut 3,000 times in 30 recordings');
  expect(report).toContain('Nothing was lost.\n');
  const lost = soakReport({ ...nothing, power: { ...power, lost: ['at event 5: journal'] } }, decoders);
  expect(lost).toContain('Something was lost, 1 times:\n\n- at event 5: journal\n');
});

it('says which tests of boards passed that take long', () => {
  const test = { file: 'test/image/walk.test.ts', day: '2026-01-31', minutes: 12.4, passed: false };
  const report = soakReport({ ...nothing, boards: { [test.file]: test } }, decoders);
  expect(report).toContain('| `test/image/walk.test.ts` | 2026-01-31 | 12 | ✗ |\n');
});

it('says of which source an image has passed all tests', () => {
  const debian = { day: '2026-01-31', image: 'skyminer-0.2.0.img', minutes: 16.3, passed: true };
  const report = soakReport({ ...nothing, sources: { debian } }, decoders);
  expect(report).toContain('| debian | `skyminer-0.2.0.img` | 2026-01-31 | 16 | ✓ |\n');
});

it('takes its place in a document that has one, and is one by itself', () => {
  const document = 'before\n<!-- soak begins -->\n\nold\n\n<!-- soak ends -->\nafter\n';
  const fresh = putReport(document, 'new\n');
  expect(fresh).toBe('before\n<!-- soak begins -->\n\nnew\n\n<!-- soak ends -->\nafter\n');
  expect(putReport(fresh, 'new\n')).toBe(fresh);
  expect(putReport('', 'new\n')).toBe('new\n');
});
