import { setUpBoard } from './setup.ts';

/** The program of board-setup.service. */
try {
  for (const problem of await setUpBoard('/')) console.error(`board-setup: ${problem}`);
} catch (error) {
  console.error(`board-setup: ${error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
}
