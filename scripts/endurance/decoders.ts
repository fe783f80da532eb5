import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A property that takes whatever comes, as a test hands it to `fuzzRuns` of `test/fuzz.ts`. */
export interface Decoder {
  name: string;
  /** Test file, from the repository's folder. */
  file: string;
  /** Inputs of an ordinary run of the tests. */
  least: number;
}

/** All decoders that the tests of the runtime fuzz, by name. */
export async function findDecoders(root: string): Promise<Decoder[]> {
  const found: Decoder[] = [];
  for await (const file of glob('test/{services,image-unit,scripts/console}/**/*.test.ts', { cwd: root }))
    found.push(...decodersIn(file, await readFile(join(root, file), 'utf8')));
  return found.sort((one, other) => one.name.localeCompare(other.name));
}

/** The calls of `fuzzRuns` in the source of a test. */
export function decodersIn(file: string, source: string): Decoder[] {
  return Array.from(
    source.matchAll(/\bfuzzRuns\(\s*'([a-z0-9-]+)',\s*([\d_]+)\s*,?\s*\)/g),
    ([, name, least]) => ({
      ...{ name: name ?? '', file },
      least: Number(least?.replaceAll('_', '')),
    }),
  );
}
