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

/** Which packages an image is made of. It comes with every image, and the same image can be built from it. */
export interface Manifest {
  suite: string;
  /** When the archive published these packages, in seconds since 1970: the date of all that is built from them. */
  date: number;
  /** Sorted by name. */
  packages: Package[];
}

const manifestSchema = z.strictObject({
  format: z.literal('skyminer-packages/1'),
  suite: z.string().regex(/^[a-z]+$/),
  date: z.iso.datetime(),
  packages: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/),
        version: z.string().regex(/^[A-Za-z0-9.+:~-]+$/),
        architecture: z.enum(['arm64', 'all']),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        size: z.int().positive(),
      }),
    )
    .min(1)
    .max(5000),
});

/** The text of a manifest file: JSON with a line a package, so that two of them compare well. */
export function formatManifest({ suite, date, packages }: Manifest): string {
  const lines = packages.map((entry) => `    ${JSON.stringify(entry)}`);
  return [
    '{',
    '  "format": "skyminer-packages/1",',
    `  "suite": ${JSON.stringify(suite)},`,
    `  "date": ${JSON.stringify(new Date(date * 1000).toISOString())},`,
    '  "packages": [',
    lines.join(',\n'),
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
  const { suite, date, packages } = parsed.data;
  return { suite, date: Date.parse(date) / 1000, packages };
}
