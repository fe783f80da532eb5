import { defineConfig } from 'vitest/config';

/** Two projects: `runtime` needs only Node; `image` boots real images in QEMU and so runs one file at a time. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'runtime',
          include: ['test/**/*.test.ts'],
          exclude: ['test/image/**'],
          globalSetup: ['test/build-bundle.ts'],
          testTimeout: 120_000,
          pool: 'forks',
        },
      },
      {
        test: {
          name: 'image',
          include: ['test/image/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 1_200_000,
          pool: 'forks',
          fileParallelism: false,
        },
      },
    ],
  },
});
