import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { findPartition } from '../disk/partitions.ts';
import { ImageError } from '../error.ts';
import { CommandError, run } from '../run.ts';

/** A FAT partition of an image or a card, read and written by mtools: no mount, no root. */
export class FatPartition {
  readonly #folder: string;
  readonly #image: string;
  readonly #scratch: string;

  private constructor(folder: string, image: string, scratch: string) {
    this.#folder = folder;
    this.#image = image;
    this.#scratch = scratch;
  }

  /** @param scratch an empty folder that nobody else may read */
  static async open(card: string, name: string, scratch: string): Promise<FatPartition> {
    const { offset } = await findPartition(card, name);
    return new FatPartition(dirname(card), `./${basename(card)}@@${offset}`, scratch);
  }

  /** @returns undefined where there is no such file */
  async read(name: string): Promise<Buffer | undefined> {
    const { stdout } = await this.#mtools('mdir', ['-b', '-i', this.#image, '::']);
    const names = stdout.split('\n').map((line) => line.replace(/^::\//, '').toLowerCase());
    if (!names.includes(name.toLowerCase())) return undefined;
    const copy = join(this.#scratch, 'read');
    await this.#mtools('mcopy', ['-n', '-o', '-i', this.#image, `::${name}`, copy]);
    return readFile(copy);
  }

  async write(name: string, content: Uint8Array): Promise<void> {
    const source = join(this.#scratch, 'written');
    await writeFile(source, content, { mode: 0o600 });
    await this.#mtools('mcopy', ['-o', '-i', this.#image, source, `::${name}`]);
  }

  async #mtools(command: string, args: string[]): Promise<{ stdout: string }> {
    try {
      return await run(command, args, { cwd: this.#folder });
    } catch (cause) {
      if (!(cause instanceof CommandError) || cause.status === null) throw cause;
      throw new ImageError(`The partition boot cannot be used: ${cause.tail.join('; ')}`, { cause });
    }
  }
}
