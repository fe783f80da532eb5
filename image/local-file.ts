import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ImageError } from './error.ts';
import { isMissing, repository } from './files.ts';

/** What a person has changed on their own machine: `local.yaml` in the repository, which git ignores. */
const localSchema = z.strictObject({
  /** Debian packages that every image gets besides. */
  packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/)).default([]),
  /** Kernel modules likewise. */
  modules: z.array(z.string().regex(/^[a-z0-9_]+$/)).default([]),
  /** Lines of Buildroot's configuration that are laid over those of the board. */
  buildroot: z.string().default(''),
});

export type Local = z.infer<typeof localSchema>;

/** @throws ImageError naming the file when it is wrong; without one nothing is changed */
export async function readLocal(file = join(repository, 'local.yaml')): Promise<Local> {
  try {
    const parsed = localSchema.safeParse(parse(await readFile(file, 'utf8')) ?? {});
    if (!parsed.success) throw new ImageError(`${file}: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  } catch (error) {
    if (isMissing(error)) return localSchema.parse({});
    throw error;
  }
}
