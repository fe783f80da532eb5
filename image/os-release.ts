import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { repository } from './files.ts';

const packageSchema = z.object({ version: z.string() });

/** The version of an image: that of the software, and a part of the hash of all that went into it. */
export async function imageVersion(key: string): Promise<string> {
  const json: unknown = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  return `${packageSchema.parse(json).version}-${key.slice(0, 8)}`;
}

/** What a root is made of. */
export type Origin = 'debian' | 'buildroot';

/** The file os-release of a board: see os-release(5). */
export function osRelease(board: string, version: string, origin: Origin): string {
  const values = {
    NAME: 'Skyminer',
    PRETTY_NAME: `Skyminer ${version} (${board})`,
    ID: 'skyminer',
    ID_LIKE: origin,
    VERSION: version,
    VERSION_ID: version,
    VARIANT: board,
    VARIANT_ID: board,
    IMAGE_ID: `skyminer-${board}`,
    IMAGE_VERSION: version,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
    .join('');
}
