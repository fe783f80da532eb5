import { writeFile } from 'node:fs/promises';
import { bringToFormat } from './format.ts';
import { STEPS } from './steps.ts';

/** The program of data-format.service. What it tells is shown by `status`. */
const TOLD = '/run/skyminer/format';

try {
  await tell(await bringToFormat('/data', STEPS));
} catch (error) {
  await tell([`data may be of another format: ${error instanceof Error ? error.message : error}`]);
  process.exitCode = 1;
}

async function tell(lines: readonly string[]): Promise<void> {
  for (const line of lines) console.error(`data-format: ${line}`);
  await writeFile(TOLD, lines.map((line) => `${line}\n`).join(''));
}
