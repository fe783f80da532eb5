import { constants, copyFile, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeDurably } from '../../net/durable-file.ts';
import { ShapeError, shape, text } from '../../signal/shape.ts';
import { MAX_FILE_BYTES } from './limits.ts';

/** The last config with which viscript was in service. */
export interface GoodConfig {
  /** Absolute path of the file it was read from. */
  file: string;
  text: string;
}

/** Where it is kept, in the folder that lasts. */
export function lastGoodPath(stateDirectory: string): string {
  return join(stateDirectory, 'config.good.json');
}

const goodConfig = shape<GoodConfig>((f) => ({
  file: text(f, 'file'),
  text: text(f, 'text', MAX_FILE_BYTES),
}));

/**
 * Keeps the last config that worked. A config is taken with `load`, and kept with `keep` once the supervisor is in service
 * with it.
 */
export class LastGoodConfig {
  readonly #path: string;
  #candidate: GoodConfig | undefined;

  /** @param path the file it is kept in */
  constructor(path: string) {
    this.#path = path;
  }

  /** Loads a config and remembers its text, unless somebody wrote to the file meanwhile. Rejects as `load` does. */
  async load<T>(file: string, load: (file: string) => Promise<T>): Promise<T> {
    this.#candidate = undefined;
    // What cannot be read is for the loader to tell.
    const before = await readText(file).catch(() => undefined);
    const config = await load(file);
    const after = await readText(file).catch(() => undefined);
    if (after !== undefined && before === after) this.#candidate = { file, text: after };
    return config;
  }

  /** The config that was loaded last works. Writes only what has changed. */
  async keep(): Promise<void> {
    const candidate = this.#candidate;
    if (candidate === undefined) return;
    const kept = await readLastGood(this.#path);
    if (kept?.file === candidate.file && kept.text === candidate.text) return;
    await writeDurably(this.#path, JSON.stringify(candidate), 0o600);
  }
}

/** What was kept; undefined when there is nothing that could be used. */
export async function readLastGood(path: string): Promise<GoodConfig | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return goodConfig.parse(value);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ShapeError || isMissing(error)) return undefined;
    throw error;
  }
}

/** Why there is no going back to a config. */
export class NoWayBack extends Error {
  override readonly name = 'NoWayBack';
}

/** What going back to the last good config would change. */
export interface WayBack {
  /** The file that is changed. */
  file: string;
  /** Its text now; undefined when it is not there. */
  before: string | undefined;
  /** Its text afterwards; undefined when it will not be there. */
  after: string | undefined;
  /** Where the file of now is put. */
  aside: string;
}

/**
 * @param current the config file in force
 * @param folder files in here may be changed; all others come with the image
 * @throws {NoWayBack}
 */
export async function findWayBack(path: string, current: string, folder: string): Promise<WayBack> {
  const good = await readLastGood(path);
  if (good === undefined) throw new NoWayBack('no config is known that worked: nothing was kept yet');
  const before = await readText(current);
  if (good.file === current && good.text === before)
    throw new NoWayBack(`${current} is the config that worked last: the reason lies elsewhere`);
  if (dirname(current) !== folder)
    throw new NoWayBack(
      `${current} came with the image, or is made at every boot: it cannot be changed here`,
    );
  // A file of the owner's that hides the one that worked is put aside, and that one is in force again.
  const after = good.file === current ? good.text : undefined;
  return { file: current, before, after, aside: `${current}.broken` };
}

/** Goes back. The file of now is kept beside it, and others may read what they could read before: secrets may stand in it. */
export async function goBack({ file, before, after, aside }: WayBack): Promise<void> {
  if (after === undefined) return rename(file, aside);
  if (before !== undefined) await copyFile(file, aside);
  await writeDurably(file, after, before === undefined ? 0o600 : (await stat(file)).mode & 0o777);
}

/** The text of a file; undefined when it is not there. What is too long to be a config is cut. */
async function readText(file: string): Promise<string | undefined> {
  try {
    // Opening a pipe waits for its writer, and a device might never end.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
