import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { findPartition } from '../disk/partitions.ts';
import { ImageError } from '../error.ts';
import { isMissing } from '../files.ts';
import { CommandError, run } from '../run.ts';

/** A file or folder of root's. */
export interface RootFile {
  /** Path from the root of the file system, without blanks or quotes. */
  path: string;
  mode: number;
  /** Undefined: a folder. */
  content: Uint8Array | undefined;
}

/** An ext4 partition of an image or a card, read and written by e2fsprogs: no mount, no root. It must not be mounted. */
export class Ext4Partition {
  readonly #folder: string;
  readonly #device: string;
  readonly #scratch: string;

  private constructor(folder: string, device: string, scratch: string) {
    this.#folder = folder;
    this.#device = device;
    this.#scratch = scratch;
  }

  /** @param scratch an empty folder that nobody else may read, its path without blanks or quotes */
  static async open(card: string, name: string, scratch: string): Promise<Ext4Partition> {
    const { offset } = await findPartition(card, name);
    return new Ext4Partition(dirname(card), `./${basename(card)}?offset=${offset}`, scratch);
  }

  /** @returns undefined where there is no such file */
  async read(path: string): Promise<{ mode: number; owner: string; content: Buffer } | undefined> {
    const copy = join(this.#scratch, 'read');
    await rm(copy, { force: true });
    const shown = await this.#debugfs([`stat ${path}`, `dump ${path} ${copy}`], 'read');
    const mode = /\bMode: +(\d+)/.exec(shown)?.[1];
    const [, user, group] = /\bUser: +(\d+) +Group: +(\d+)/.exec(shown) ?? [];
    try {
      return {
        mode: Number.parseInt(mode ?? '', 8),
        owner: `${user}:${group}`,
        content: await readFile(copy),
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Writes files in the place of those that are there, and folders where there are none; then repairs all counts. */
  async write(files: readonly RootFile[]): Promise<void> {
    const there = await this.#foldersAmong(files);
    const commands: string[] = [];
    for (const [index, { path, mode, content }] of files.entries()) {
      if (content === undefined) {
        // debugfs makes one again that is there, and loses what was in it.
        if (!there.has(path)) commands.push(`mkdir ${path}`);
      } else {
        const source = join(this.#scratch, `${index}`);
        await writeFile(source, content, { mode: 0o600 });
        commands.push(`rm ${path}`, `write ${source} ${path}`);
      }
      const type = content === undefined ? 0o040000 : 0o100000;
      const fields = { mode: `0${(type | mode).toString(8)}`, uid: '0', gid: '0' };
      for (const [field, value] of Object.entries(fields))
        commands.push(`set_inode_field ${path} ${field} ${value}`);
    }
    await this.#debugfs(commands, 'write');
    await this.check();
  }

  /** @throws {ImageError} when the file system is damaged beyond what can be put right without a question */
  async check(): Promise<void> {
    try {
      await run('e2fsck', ['-f', '-p', this.#device], { cwd: this.#folder });
    } catch (cause) {
      // 1: something was put right, as are the shares of disk after every write.
      if (!(cause instanceof CommandError) || cause.status === null) throw cause;
      if (cause.status !== 1)
        throw new ImageError(`The partition data is damaged: ${cause.tail.join('; ')}`, { cause });
    }
  }

  async #foldersAmong(files: readonly RootFile[]): Promise<Set<string>> {
    const paths = files.filter(({ content }) => content === undefined).map(({ path }) => path);
    const shown = await this.#debugfs(
      paths.map((path) => `stat ${path}`),
      'read',
    );
    // It repeats each command before its answer.
    const answers = shown.split(/^debugfs: +stat .*$/m).slice(1);
    return new Set(paths.filter((_, index) => /\bType: directory\b/.test(answers[index] ?? '')));
  }

  /** Commands go by standard input: nothing of them is seen by others. What fails shows when it is read back. */
  async #debugfs(commands: readonly string[], purpose: 'read' | 'write'): Promise<string> {
    const args = [...(purpose === 'write' ? ['-w'] : []), '-f', '-', this.#device];
    const { stdout } = await run('debugfs', args, {
      cwd: this.#folder,
      input: commands.map((command) => `${command}\n`).join(''),
    });
    return stdout;
  }
}
