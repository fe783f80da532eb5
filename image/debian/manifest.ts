import { z } from 'zod';
import { ImageError } from '../error.ts';

/** One Debian package, exactly. */
export interface Package {
  name: string;
  version: string;
  architecture: string;
  /** Of the .deb file. */
  sha256: string;
  /** Bytes of the .deb file. */
  size: number;
}

/** One Debian source package, exactly. */
export interface SourcePackage {
  name: string;
  version: string;
  /** What it consists of, but for its description (.dsc), whose content the mirror's signed index repeats. */
  files: { name: string; sha256: string; size: number }[];
}

/** Which packages an image is made of. It comes with every image, and the same image can be built from it. */
export interface Manifest {
  suite: string;
  /** When the archive published these packages, in seconds since 1970: the date of all that is built from them. */
  date: number;
  /** Sorted by name. */
  packages: Package[];
  /** What was compiled for it; sorted by name. */
  sources: SourcePackage[];
}

const exactly = {
  name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/),
  version: z.string().regex(/^[A-Za-z0-9.+:~-]+$/),
};
const file = {
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.int().positive(),
};

const manifestSchema = z.strictObject({
  format: z.literal('skyminer-packages/1'),
  suite: z.string().regex(/^[a-z]+$/),
  date: z.iso.datetime(),
  packages: z
    .array(
      z.strictObject({
        ...exactly,
        architecture: z.enum(['arm64', 'all']),
        ...file,
      }),
    )
    .min(1)
    .max(5000),
  sources: z
    .array(
      z.strictObject({
        ...exactly,
        files: z
          .array(z.strictObject({ name: z.string().regex(/^[a-z0-9][A-Za-z0-9.+~_-]+$/), ...file }))
          .min(1)
          .max(20),
      }),
    )
    .max(20)
    .default([]),
});

/** The text of a manifest file: JSON with a line a package, so that two of them compare well. */
export function formatManifest({ suite, date, packages, sources }: Manifest): string {
  const list = (entries: readonly unknown[]) =>
    entries.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
  return [
    '{',
    '  "format": "skyminer-packages/1",',
    `  "suite": ${JSON.stringify(suite)},`,
    `  "date": ${JSON.stringify(new Date(date * 1000).toISOString())},`,
    '  "packages": [',
    list(packages),
    ...(sources.length === 0 ? [] : ['  ],', '  "sources": [', list(sources)]),
    '  ]',
    '}',
    '',
  ].join('\n');
}

/**
 * @param file names the file in errors
 * @throws ImageError when the text is no manifest
 */
export function parseManifest(text: string, file: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ImageError(`${file} is no manifest of an image: ${String(error)}`, { cause: error });
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success)
    throw new ImageError(`${file} is no manifest of an image: ${z.prettifyError(parsed.error)}`);
  const { suite, date, packages, sources } = parsed.data;
  return { suite, date: Date.parse(date) / 1000, packages, sources };
}
