import { readFile, writeFile } from 'node:fs/promises';
import type { Board } from '../board-file.ts';
import { changeEnvironment, requireClosedPrompt } from './environment.ts';

/** Writes a U-Boot with the board's environment. @throws ImageError when its prompt is open */
export async function writeUBoot(from: string, { uBoot }: Board, target: string): Promise<void> {
  const changed = changeEnvironment(await readFile(from), uBoot.environment);
  requireClosedPrompt(changed);
  await writeFile(target, changed);
}
