import { defineConfig } from 'vitest/config';

/** For the repository's folder. As the project `runtime`, but nothing that is fuzzed needs the bundle, and it takes as long as it takes. */
export default defineConfig({
  test: {
    include: ['test/{services,image-unit,scripts/console}/**/*.test.ts'],
    testTimeout: 0,
    pool: 'forks',
  },
});
