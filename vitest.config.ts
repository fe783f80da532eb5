import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Tests that make networks of their own. */
const networks = ['test/mesh/**/*.test.ts', 'test/services/vpn/{mesh,refusals,tunnel,undone}.test.ts'];

/**
 * Three projects: `runtime` needs only Node; `mesh` joins many processes by networks of its own, and `image` boots real
 * images in QEMU. Of both two files run at a time.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'runtime',
          include: ['test/**/*.test.ts'],
          exclude: ['test/image/**', ...networks],
          globalSetup: ['test/build-bundle.ts'],
          testTimeout: 120_000,
          pool: 'forks',
          // Many of these wait most of the time.
          maxWorkers: Math.ceil(availableParallelism() * 1.5),
        },
      },
      {
        test: {
          name: 'mesh',
          include: networks,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'image',
          include: ['test/image/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          pool: 'forks',
          // An emulated board keeps one core busy.
          maxWorkers: 2,
        },
      },
    ],
  },
});
