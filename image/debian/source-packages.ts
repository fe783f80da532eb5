import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { isMissing } from '../files.ts';
import { CommandError } from '../run.ts';
import type { Apt } from './apt.ts';
import type { SourcePackage } from './manifest.ts';

type SourceFile = SourcePackage['files'][number];
type Located = SourceFile & { uri: string };

/**
 * Debian's source packages, checked against the mirror's signed index. The description of a package (.dsc) is not fetched:
 * all that is needed of it stands in that index.
 */
export class SourcePackages {
  readonly #folder: string;
  readonly #apt: Apt;

  /** @param directory holds what was downloaded, and is kept between builds */
  constructor(directory: string, apt: Apt) {
    this.#folder = join(directory, 'sources');
    this.#apt = apt;
  }

  /** The newest versions of source packages; the lists of sources have been fetched. */
  async resolve(names: readonly string[]): Promise<SourcePackage[]> {
    const found: SourcePackage[] = [];
    for (const name of [...names].sort()) {
      const { version, files } = await this.#locate(name);
      found.push({ name, version, files: files.map(({ uri: _, ...file }) => file) });
    }
    return found;
  }

  /** Those that have not been downloaded, or not wholly. */
  async findAbsent(packages: readonly SourcePackage[]): Promise<SourcePackage[]> {
    const here = new Set(await readdir(this.#folder).catch(emptyIfMissing));
    return packages.filter(({ files }) => files.some((file) => !here.has(fileName(file))));
  }

  /** Those that are neither here nor at the mirror. */
  async findGone(packages: readonly SourcePackage[]): Promise<SourcePackage[]> {
    const gone: SourcePackage[] = [];
    for (const entry of await this.findAbsent(packages)) {
      const known = new Set((await this.#known(entry)).map(({ sha256 }) => sha256));
      if (entry.files.some(({ sha256 }) => !known.has(sha256))) gone.push(entry);
    }
    return gone;
  }

  /** Fetches what is not here yet. @throws ImageError when the mirror has something else */
  async download(packages: readonly SourcePackage[]): Promise<void> {
    for (const entry of await this.findAbsent(packages)) {
      await mkdir(this.#folder, { recursive: true });
      const known = await this.#known(entry);
      for (const file of entry.files) {
        const located = known.find(({ sha256 }) => sha256 === file.sha256);
        if (located === undefined)
          throw new ImageError(`The mirror has no ${file.name} as it stands in the manifest.`);
        const partial = join(this.#folder, `.${fileName(file)}`);
        await this.#apt.fetch(located.uri, partial, file.sha256);
        await rename(partial, this.pathOf(file));
      }
    }
  }

  /** Where a file of a source package lies once it has been downloaded. */
  pathOf(file: SourceFile): string {
    return join(this.#folder, fileName(file));
  }

  /** The files of this version at the mirror; none where it has no such version. */
  async #known({ name, version }: SourcePackage): Promise<Located[]> {
    try {
      return (await this.#locate(`${name}=${version}`)).files;
    } catch (error) {
      if (error instanceof CommandError) return [];
      throw error;
    }
  }

  async #locate(name: string): Promise<{ version: string; files: Located[] }> {
    const { stdout } = await this.#apt.get(['source', '--print-uris', '--only-source', name]);
    return parseSourceUris(stdout);
  }
}

/**
 * Archives in the output of `apt-get source --print-uris`: lines of `'URI' FILE BYTES SHA256:HASH`. The version is that in the
 * name of the description.
 *
 * @throws ImageError when there is no description
 */
export function parseSourceUris(output: string): { version: string; files: Located[] } {
  const line = /^'([^']+)' (\S+) (\d+) SHA256:([0-9a-f]{64})$/gm;
  const files = Array.from(output.matchAll(line), ([, uri = '', name = '', size, sha256 = '']) => ({
    ...{ uri, name, sha256, size: Number(size) },
  }));
  const description = files.find(({ name }) => name.endsWith('.dsc'));
  const version = /^[^_]+_(.+)\.dsc$/.exec(description?.name ?? '')?.[1];
  if (version === undefined) throw new ImageError('The mirror names no source package.');
  return { version, files: files.filter(({ name }) => /\.tar\.\w+$/.test(name)) };
}

function fileName({ name, sha256 }: SourceFile): string {
  return `${sha256}-${name}`;
}

function emptyIfMissing(error: unknown): string[] {
  if (isMissing(error)) return [];
  throw error;
}
