import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../files.ts';

/** The files that a configuration of Buildroot names in one of its lists. */
export async function configuredFiles(config: string, symbol: string): Promise<string[]> {
  const text = await readFile(config, 'utf8');
  const value = new RegExp(`^${symbol}="(.*)"$`, 'm').exec(text)?.[1] ?? '';
  return value
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => word.replace('$(BR2_EXTERNAL_SKYMINER_PATH)', join(repository, 'buildroot-external')));
}
