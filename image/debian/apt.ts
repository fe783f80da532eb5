import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { isMissing, sha256OfFile } from '../files.ts';
import { CommandError, run } from '../run.ts';
import type { Manifest, Package } from './manifest.ts';
import type { Mirror } from './mirror.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * apt with folders of its own: another architecture and another release than this machine's, no effect on
 * this machine, and no rights of root.
 */
export class Apt {
  readonly #directory: string;
  readonly #suite: string;
  readonly #log: string;
  readonly #architecture: string;

  /**
   * @param directory holds package lists and downloaded packages, and is kept between builds
   * @param log file to which the output of apt goes
   * @param architecture Debian's name of it
   */
  constructor(directory: string, suite: string, log: string, architecture = 'arm64') {
    this.#directory = directory;
    this.#suite = suite;
    this.#log = log;
    this.#architecture = architecture;
  }

  /**
   * Fetches the package lists, and those of source packages where they are wanted.
   *
   * @param want.updates also what was changed after the release, which is the default
   * @returns whether security updates are among them
   * @throws CommandError when the mirror does not answer or its signature is wrong
   */
  async update(
    mirror: Mirror,
    { sources = false, updates = true }: { sources?: boolean; updates?: boolean } = {},
  ): Promise<{ security: boolean }> {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'debs']) {
      await mkdir(join(this.#directory, folder), { recursive: true });
    }
    await writeFile(join(this.#directory, 'status'), '');
    const suites = [
      [mirror.main, this.#suite],
      ...(updates ? [[mirror.main, `${this.#suite}-updates`]] : []),
    ];
    if (updates && mirror.security !== undefined) {
      await this.#writeSources([...suites, [mirror.security, `${this.#suite}-security`]], sources);
      try {
        await this.get(['update', '--error-on=any']);
        return { security: true };
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
      }
    }
    await this.#writeSources(suites, sources);
    await this.get(['update', '--error-on=any']);
    return { security: false };
  }

  /** The newest versions of packages and of all that they depend on, but for those named as not installed. */
  async resolve(names: readonly string[], notInstalled: readonly string[]): Promise<Manifest> {
    const { stdout } = await this.get(['install', '--yes', '--print-uris', ...names]);
    const packages = parseUris(stdout).filter(({ name }) => !notInstalled.includes(name));
    packages.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { suite: this.#suite, date: await this.#date(), packages, sources: [] };
  }

  /** Those of the packages that are neither here nor at the mirror. */
  async findGone(packages: readonly Package[]): Promise<Package[]> {
    const absent = await this.findAbsent(packages);
    if (absent.length === 0) return [];
    const names = new Set((await this.#cache(['pkgnames'])).split('\n'));
    const known = absent.filter(({ name }) => names.has(name));
    const shown = known.length === 0 ? '' : await this.#cache(['show', ...known.map(({ name }) => name)]);
    const hashes = new Set(Array.from(shown.matchAll(/^SHA256: ([0-9a-f]{64})$/gm), ([, hash]) => hash));
    return absent.filter(({ sha256 }) => !hashes.has(sha256));
  }

  /**
   * Fetches what is not here yet.
   *
   * @returns how many packages and bytes were fetched
   * @throws ImageError when a file is not what the manifest says
   */
  async download(packages: readonly Package[]): Promise<{ count: number; bytes: number }> {
    await mkdir(join(this.#directory, 'debs'), { recursive: true });
    const absent = await this.findAbsent(packages);
    if (absent.length === 0) return { count: 0, bytes: 0 };
    const folder = join(this.#directory, 'fetching');
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await this.get(['download', ...absent.map(({ name, version }) => `${name}=${version}`)], folder);
    const expected = new Map(absent.map((entry) => [entry.sha256, entry]));
    for (const file of await readdir(folder)) {
      const hash = await sha256OfFile(join(folder, file));
      const entry = expected.get(hash);
      if (entry === undefined)
        throw new ImageError(`${file} from the mirror is not the one in the manifest.`);
      await rename(join(folder, file), this.debOf(entry));
      expected.delete(hash);
    }
    const [missing] = expected.values();
    if (missing !== undefined)
      throw new ImageError(`The mirror did not send ${missing.name} ${missing.version}.`);
    return { count: absent.length, bytes: absent.reduce((sum, { size }) => sum + size, 0) };
  }

  /** Where the file of a package lies once it has been downloaded. */
  debOf({ name, sha256 }: Package): string {
    return join(this.#directory, 'debs', `${name}-${sha256}.deb`);
  }

  /** Those of the packages that have not been downloaded. */
  async findAbsent(packages: readonly Package[]): Promise<Package[]> {
    const here = new Set(await readdir(join(this.#directory, 'debs')).catch(emptyIfMissing));
    return packages.filter(({ name, sha256 }) => !here.has(`${name}-${sha256}.deb`));
  }

  /** The newest date of the package lists that were fetched. */
  async #date(): Promise<number> {
    const lists = join(this.#directory, 'lists');
    const releases = (await readdir(lists)).filter((name) => /Release$/.test(name));
    const dates = await Promise.all(
      releases.map(async (name) => {
        const [, date = ''] = /^Date: (.+)$/m.exec(await readFile(join(lists, name), 'utf8')) ?? [];
        return Date.parse(date) / 1000;
      }),
    );
    const newest = Math.max(...dates);
    if (!Number.isSafeInteger(newest)) throw new ImageError("The mirror's package lists carry no date.");
    return newest;
  }

  async #writeSources(suites: readonly (readonly string[])[], sources: boolean): Promise<void> {
    const lines = (sources ? ['deb', 'deb-src'] : ['deb']).flatMap((kind) =>
      suites.map(([uri, suite]) => `${kind} [signed-by=${KEYRING}] ${uri} ${suite} main\n`),
    );
    await writeFile(join(this.#directory, 'sources.list'), lines.join(''));
  }

  /** Runs apt-get with these folders. @throws CommandError */
  get(args: readonly string[], cwd?: string): Promise<{ stdout: string }> {
    return run('apt-get', [...this.#options(), ...args], {
      log: this.#log,
      ...(cwd === undefined ? {} : { cwd }),
    });
  }

  /** Fetches a file into another. @throws CommandError also when it has not this SHA-256 */
  async fetch(uri: string, target: string, sha256: string): Promise<void> {
    const args = [...this.#options(), 'download-file', uri, target, `SHA256:${sha256}`];
    await run('/usr/lib/apt/apt-helper', args, { log: this.#log });
  }

  async #cache(args: readonly string[]): Promise<string> {
    const { stdout } = await run('apt-cache', [...this.#options(), ...args]);
    return stdout;
  }

  /** This machine's configuration of proxies and certificates stays in force; all that has state is replaced. */
  #options(): string[] {
    const options = {
      'APT::Architecture': this.#architecture,
      'APT::Architectures': this.#architecture,
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': '',
      'Acquire::ForceHash': 'SHA256',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'Debug::NoLocking': 'true',
      'Dir::Cache': join(this.#directory, 'cache'),
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::Etc::sourcelist': join(this.#directory, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State': this.#directory,
      'Dir::State::lists': join(this.#directory, 'lists'),
      'Dir::State::status': join(this.#directory, 'status'),
      'pkgCacheGen::ForceEssential': ',',
    };
    return Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }
}

/** Packages in the output of `apt-get --print-uris`: lines of `'URI' NAME_VERSION_ARCHITECTURE.deb BYTES SHA256:HASH`. */
export function parseUris(output: string): Package[] {
  const line = /^'[^']+' ([^_\s]+)_([^_\s]+)_([a-z0-9]+)\.deb (\d+) SHA256:([0-9a-f]{64})$/gm;
  return Array.from(
    output.matchAll(line),
    ([, name = '', version = '', architecture = '', size, sha256 = '']) => ({
      name,
      version: decodeURIComponent(version),
      architecture,
      sha256,
      size: Number(size),
    }),
  );
}

function emptyIfMissing(error: unknown): string[] {
  if (isMissing(error)) return [];
  throw error;
}
