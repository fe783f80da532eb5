import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { rackFiles } from '../../../image/rack/files.ts';
import { createRack } from '../../../image/rack/rack.ts';
import { initialRackFile } from '../../../image/rack/rack-file/initial.ts';
import { makeKeyCheap } from './cheap-key.ts';

export const PASSPHRASE = 'correct horse battery';
export const passphrase = async () => PASSPHRASE;

/** For what must not need it. */
export const noPassphrase = async (): Promise<string> => {
  throw new Error('the passphrase was asked for');
};

/** A folder of a test's own, with racks in it that are removed with it. */
export class RackShelf {
  private readonly folder: string;
  private count = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<RackShelf> {
    return new RackShelf(await mkdtemp(join(tmpdir(), 'racks é %')));
  }

  /** A new rack with so many boards in its rack.yaml and none in its list. */
  async create(boards: number): Promise<string> {
    const folder = this.place();
    const description = initialRackFile({ boards, sshKeys: [], schema: 'rack.schema.json' });
    await createRack(folder, PASSPHRASE, description);
    await makeKeyCheap(folder, PASSPHRASE);
    return folder;
  }

  async copy(rack: string): Promise<string> {
    const folder = this.place();
    await cp(rack, folder, { recursive: true });
    return folder;
  }

  place(): string {
    return join(this.folder, `rack${this.count++}`);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}

/** All files of a folder by their path in it. */
export async function filesIn(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const texts = files.map(
    async (file): Promise<[string, string]> => [file.slice(folder.length + 1), await readFile(file, 'utf8')],
  );
  return new Map((await Promise.all(texts)).sort());
}

export async function lockOfRack(folder: string) {
  return parse(await readFile(rackFiles(folder).lock, 'utf8'));
}

/** Changes the text of rack.yaml as its owner would; fails when there is nothing to change. */
export async function rewrite(folder: string, from: string | RegExp, to: string): Promise<void> {
  const { description } = rackFiles(folder);
  const text = await readFile(description, 'utf8');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${from} is not in ${description}`);
  await writeFile(description, changed);
}
