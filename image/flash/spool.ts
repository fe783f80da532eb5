import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readPartitions } from '../disk/partitions.ts';
import { usedExtents } from '../disk/used-blocks/disk.ts';
import { common, type Extent, joined, without } from '../disk/used-blocks/extents.ts';
import { ImageError } from '../error.ts';
import { changedCopy } from '../provision/card-image.ts';
import { provision } from '../provision/provision.ts';
import type { BufferPool } from './buffer-pool.ts';
import { bootExtents } from './card/boot-extents.ts';
import { FlashError } from './error.ts';
import type { Target } from './outcome.ts';
import type { Piece, Source } from './source/source.ts';

/** The partitions that differ from board to board. */
const OWN_PARTITIONS = ['boot', 'data'];
/** What of an image says where its partitions are. */
const TABLE_BYTES = 2 * 1024 * 1024;
const SECTOR = 512;

/**
 * What of an image is not written as it comes: what makes a card boot, which is written last, and for boards of a rack the
 * partitions that are to be a board's own. It waits in a sparse file, as long as the image, in a folder of this user alone.
 */
export class Spool implements AsyncDisposable {
  /** Of the image, in order. */
  readonly extents: readonly Extent[];
  readonly #folder: string;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #size: number;

  /**
   * @param isProvisioned whether boards are to get partitions of their own
   * @throws {FlashError} when the image has no such partitions, or there is no room
   */
  static async make(source: Source, isProvisioned: boolean, pool: BufferPool): Promise<Spool> {
    try {
      return await Spool.#make(source, isProvisioned, pool);
    } catch (cause) {
      if (!isExpected(cause)) throw cause;
      throw new FlashError(`${cause.message}: nothing was written`, { cause });
    }
  }

  static async #make(source: Source, isProvisioned: boolean, pool: BufferPool): Promise<Spool> {
    const folder = await mkdtemp(join(tmpdir(), 'skyminer-flash-'));
    try {
      const path = join(folder, 'held.img');
      const file = await open(path, 'wx+', 0o600);
      try {
        const { size } = source.file;
        await file.truncate(size);
        const own = isProvisioned ? await ownPartitions(source, file, path, pool) : [];
        return new Spool(folder, path, file, size, joined([...bootExtents(size), ...own], SECTOR, size));
      } catch (error) {
        await file.close();
        throw error;
      }
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  private constructor(
    folder: string,
    path: string,
    file: FileHandle,
    size: number,
    extents: readonly Extent[],
  ) {
    this.#folder = folder;
    this.#path = path;
    this.#file = file;
    this.#size = size;
    this.extents = extents;
  }

  /** Where pieces have to end, so that each is here as a whole or not at all. */
  get cuts(): number[] {
    return this.extents.flatMap(({ offset, length }) => [offset, offset + length]);
  }

  holds({ offset }: Piece): boolean {
    return this.extents.some((extent) => offset >= extent.offset && offset < extent.offset + extent.length);
  }

  /** @throws {FlashError} when there is no room for it */
  async keep({ buffer, length, offset }: Piece): Promise<void> {
    await writeWhole(this.#file, this.#folder, buffer.subarray(0, length), offset);
  }

  /**
   * Hands over what a card is to get of it: the common image's, or a board's own, whose file has no name any more then:
   * its secret keys go with this process, however that ends.
   *
   * @throws {ImageError} when the image cannot be made that board's
   */
  async use(
    board: Target['board'],
    write: (file: FileHandle, extents: readonly Extent[]) => Promise<void>,
  ): Promise<void> {
    if (board === undefined) return write(this.#file, []);
    const own = join(this.#folder, `${board.settings.board}.img`);
    try {
      await changedCopy(this.#path, own, false, (copy) => provision(copy, board.settings, board.secrets));
      const used = common(await usedExtents(own), this.extents);
      await using file = await open(own);
      await rm(own);
      await write(file, without(used, bootExtents(this.#size)));
    } finally {
      await rm(own, { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#folder, { recursive: true });
  }
}

async function ownPartitions(
  { file: image }: Source,
  file: FileHandle,
  path: string,
  pool: BufferPool,
): Promise<Extent[]> {
  await using reader = await image.open();
  await pool.lend(async (buffer) => {
    const length = await reader.read(buffer.subarray(0, TABLE_BYTES), 0);
    await writeWhole(file, dirname(path), buffer.subarray(0, length), 0);
  });
  const partitions = await readPartitions(path, image.path);
  return OWN_PARTITIONS.map((name) => {
    const found = partitions.find((partition) => partition.name === name);
    if (found === undefined)
      throw new FlashError(`${image.path} has no partition ${name}: it cannot be made a board's own`);
    return { offset: found.offset, length: found.size };
  });
}

async function writeWhole(file: FileHandle, folder: string, bytes: Buffer, offset: number): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
  } catch (cause) {
    throw new FlashError(
      `${folder} cannot be written to (${cause instanceof Error ? cause.message : cause}): make room there, or say with TMPDIR where there is some`,
      { cause },
    );
  }
}

/** What is no defect of this program. */
function isExpected(cause: unknown): cause is Error {
  return (
    cause instanceof ImageError || cause instanceof FlashError || (cause instanceof Error && 'code' in cause)
  );
}
