import { access, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, writeDurably } from '../../services/net/durable-file.ts';
import { isMissing } from '../files.ts';
import { run } from '../run.ts';

/** The number in `system/format` is none. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/**
 * What a `data` remembers of its format. In `system`:
 *
 *     format          the number of the format
 *     formats/N       what a step from N has changed, as it was before; with N = format, that step was cut short
 *     formats/N.back  the same, being put back
 *
 * Names that end otherwise are of what was being made or removed, and mean nothing.
 */
export class KeptFormats {
  readonly #data: string;
  readonly #file: string;
  readonly #folder: string;

  constructor(data: string) {
    this.#data = data;
    this.#file = join(data, 'system/format');
    this.#folder = join(data, 'system/formats');
  }

  /** @throws {FormatError} */
  async format(): Promise<number> {
    const text = await readFile(this.#file, 'utf8').catch((error: unknown) => {
      // Of images that knew no formats.
      if (isMissing(error)) return '1';
      throw error;
    });
    if (!/^[1-9]\d{0,5}\n?$/.test(text)) throw new FormatError(`${this.#file} holds no number of a format`);
    return Number(text);
  }

  async setFormat(format: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeDurably(this.#file, `${format}\n`, 0o644);
  }

  /** Removes what was being made or removed when a start was cut short. */
  async tidy(): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of await readdir(this.#folder))
      if (!/^\d+(\.back)?$/.test(name)) await rm(join(this.#folder, name), { recursive: true });
  }

  has(format: number): Promise<boolean> {
    return isThere(join(this.#folder, `${format}`));
  }

  /** The format that was being put back when a start was cut short. */
  async beingPutBack(): Promise<number | undefined> {
    const name = (await readdir(this.#folder)).find((other) => other.endsWith('.back'));
    return name === undefined ? undefined : Number.parseInt(name, 10);
  }

  /** Keeps files and folders as they are, with owners and modes; they are all on the disk then, or none is. */
  async keep(format: number, paths: readonly string[]): Promise<void> {
    const fresh = join(this.#folder, `${format}.new`);
    await mkdir(join(fresh, 'files'), { recursive: true, mode: 0o700 });
    for (const path of paths) {
      const place = join(fresh, 'files', path);
      await mkdir(dirname(place), { recursive: true });
      if (await isThere(join(this.#data, path))) await copy(join(this.#data, path), place);
    }
    await writeDurably(join(fresh, 'paths'), JSON.stringify(paths), 0o600);
    await this.sync();
    await this.#rename(`${format}.new`, `${format}`);
  }

  /** Puts back what was kept of a format, which `data` has then. Can be cut short anywhere, and done again. */
  async putBack(format: number): Promise<void> {
    const back = join(this.#folder, `${format}.back`);
    if (!(await isThere(back))) await this.#rename(`${format}`, `${format}.back`);
    const paths: string[] = JSON.parse(await readFile(join(back, 'paths'), 'utf8'));
    for (const path of paths) {
      const [kept, place] = [join(back, 'files', path), join(this.#data, path)];
      await rm(place, { recursive: true, force: true });
      await mkdir(dirname(place), { recursive: true });
      if (await isThere(kept)) await copy(kept, place);
    }
    await this.sync();
    await this.setFormat(format);
    await this.#rename(`${format}.back`, `${format}.old`);
    await rm(join(this.#folder, `${format}.old`), { recursive: true });
  }

  /** Resolves when all that was written is on the disk. */
  async sync(): Promise<void> {
    await run('sync', ['--file-system', this.#data]);
  }

  async #rename(from: string, to: string): Promise<void> {
    await rename(join(this.#folder, from), join(this.#folder, to));
    await syncFolder(this.#folder);
  }
}

/** Node's own copying leaves out who a file belongs to. */
async function copy(from: string, to: string): Promise<void> {
  await run('cp', ['--archive', '--no-target-directory', '--', from, to]);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
