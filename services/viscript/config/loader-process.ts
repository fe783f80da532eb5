import { InvalidFile } from '../../yaml/errors.ts';
import type { LoaderAnswer } from './load-apart.ts';
import { loadConfig } from './loader.ts';

/** `config-loader.js FILE`: reads a config file and prints what load-apart.ts expects, one line of JSON. */
process.stdout.write(`${JSON.stringify(await answer(process.argv[2] ?? ''))}\n`);

async function answer(file: string): Promise<LoaderAnswer> {
  try {
    const { apps, ...rest } = await loadConfig(file);
    return { config: { ...rest, apps: [...apps.values()] } };
  } catch (error) {
    if (error instanceof InvalidFile) return { problems: error.problems };
    throw error;
  }
}
