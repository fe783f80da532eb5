import { createHash, type Hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Extent } from '../../disk/used-blocks/extents.ts';
import { isMissing } from '../../files.ts';
import { type BlockRange, type Bmap, extentOf, mappedBytes } from '../bmap/bmap.ts';
import { BmapError, MAX_BMAP_BYTES, parseBmap } from '../bmap/parse.ts';
import type { BufferPool } from '../buffer-pool.ts';
import { FlashError } from '../error.ts';
import { type ImageFile, imageFile } from './reader.ts';

/** What is to be written: an image, and its block map where there is one. */
export interface Source {
  file: ImageFile;
  map: Bmap | undefined;
  /** Of all that has to be written. */
  bytes: number;
}

/** A part of an image, in a buffer of the pool, which whoever takes it gives back. Behind it there are zeros to a whole block. */
export interface Piece {
  offset: number;
  length: number;
  buffer: Buffer;
}

/** Pieces end where the largest block of any card does. */
const BLOCK = 4096;

/**
 * Opens an image, with the map that lies beside it (`IMAGE.bmap`; for a packed image also without `.xz` or `.zst`), and checks
 * what can be checked with nothing written.
 *
 * @throws {FlashError} when the image or its map cannot be used, or do not belong together
 */
export async function openSource(path: string, pool: BufferPool): Promise<Source> {
  const file = await imageFile(path);
  const map = await mapBeside(path);
  if (map !== undefined && map.imageSize !== file.size)
    throw new FlashError(`${path} has ${file.size} bytes, but its block map is for one of ${map.imageSize}`);
  const source = { file, map, bytes: map === undefined ? file.size : mappedBytes(map) };
  if (file.isPlain && map !== undefined)
    for await (const { buffer } of piecesOf(source, [], pool)) pool.give(buffer);
  return source;
}

/**
 * Everything that has to be written, in order.
 *
 * @param cuts where pieces have to end, rising
 * @throws {FlashError} when the image is damaged, or is not what its map says: at the latest behind the last piece
 */
export async function* piecesOf(
  { file, map }: Source,
  cuts: readonly number[],
  pool: BufferPool,
): AsyncGenerator<Piece> {
  await using reader = await file.open();
  const whole: Extent & { sha256?: string } = { offset: 0, length: file.size };
  const ranges = map?.ranges.map((range) => ({ ...extentOf(map, range), sha256: range.sha256 })) ?? [whole];
  for (const { offset, length, sha256 } of ranges) {
    const hash = sha256 === undefined ? undefined : createHash('sha256');
    for (let at = offset; at < offset + length; ) {
      const end = Math.min(offset + length, at + pool.size, ...cuts.filter((cut) => cut > at));
      const piece = { offset: at, length: end - at, buffer: await pool.take() };
      try {
        const read = await reader.read(piece.buffer.subarray(0, piece.length), at);
        if (read < piece.length) throw new FlashError(`${file.path} ends at byte ${at + read}, too early`);
        piece.buffer.fill(0, piece.length, Math.ceil(piece.length / BLOCK) * BLOCK);
        hash?.update(piece.buffer.subarray(0, piece.length));
      } catch (error) {
        pool.give(piece.buffer);
        throw error;
      }
      yield piece;
      at = end;
    }
    if (hash !== undefined) compare(hash, sha256, file.path, offset, length);
  }
  await pool.lend(async (buffer) => {
    if ((await reader.read(buffer.subarray(0, 1), file.size)) === 0) return;
    throw new FlashError(`${file.path} is longer than the ${file.size} bytes that it was said to have`);
  });
}

function compare(
  hash: Hash,
  sha256: BlockRange['sha256'] | undefined,
  path: string,
  offset: number,
  length: number,
): void {
  if (hash.digest('hex') === sha256) return;
  throw new FlashError(
    `${path}: bytes ${offset} to ${offset + length - 1} are not those of its block map: the image is damaged, or another one`,
  );
}

async function mapBeside(path: string): Promise<Bmap | undefined> {
  for (const name of new Set([`${path}.bmap`, `${path.replace(/\.(xz|zst)$/, '')}.bmap`])) {
    const bytes = await contentOf(name);
    if (bytes === undefined) continue;
    try {
      return parseBmap(bytes);
    } catch (cause) {
      if (!(cause instanceof BmapError)) throw cause;
      throw new FlashError(`${name}: ${cause.message}; without this file all of the image is written`, {
        cause,
      });
    }
  }
  return undefined;
}

async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, MAX_BMAP_BYTES + 1));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
