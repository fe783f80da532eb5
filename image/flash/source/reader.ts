import { type FileHandle, open } from 'node:fs/promises';
import { FlashError } from '../error.ts';
import { PackedReader, packedSize, UNPACKERS, type Unpacker } from './packed.ts';

/** The bytes of an image, from its beginning to its end. */
export interface ImageReader extends AsyncDisposable {
  /** Fills `target` with what is there from `position` on, which only rises. @returns bytes; fewer at the end alone */
  read(target: Buffer, position: number): Promise<number>;
}

/** An image file, packed or not. */
export interface ImageFile {
  path: string;
  /** Bytes when it is unpacked. */
  size: number;
  /** It can be read twice at no great cost. */
  isPlain: boolean;
  open(): Promise<ImageReader>;
}

/** Packed in a way that is not unpacked here, by the first bytes. */
const OTHERS: Record<string, string> = { '1f8b': 'gzip', '504b0304': 'zip', '425a68': 'bzip2' };

/** Looks at an image: what it is shows in its first bytes. @throws {FlashError} when it cannot be one */
export async function imageFile(path: string): Promise<ImageFile> {
  await using file = await openPlain(path);
  const stats = await file.stat();
  if (!stats.isFile()) throw new FlashError(`${path} is no file`);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const magic = buffer.toString('hex', 0, bytesRead);
  const unpacker = UNPACKERS.find((each) => magic.startsWith(each.magic));
  if (unpacker !== undefined) return await packedFile(path, unpacker);
  const other = Object.entries(OTHERS).find(([begin]) => magic.startsWith(begin))?.[1];
  if (other !== undefined)
    throw new FlashError(`${path} is packed with ${other}: unpack it first; .xz and .zst are unpacked here`);
  if (stats.size === 0) throw new FlashError(`${path} is empty`);
  return { path, size: stats.size, isPlain: true, open: async () => new PlainReader(await openPlain(path)) };
}

async function packedFile(path: string, unpacker: Unpacker): Promise<ImageFile> {
  const size = await packedSize(path, unpacker);
  return { path, size, isPlain: false, open: async () => PackedReader.open(path, unpacker) };
}

async function openPlain(path: string): Promise<FileHandle> {
  return open(path).catch((cause: unknown) => {
    throw new FlashError(`${path}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  });
}

class PlainReader implements ImageReader {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(target: Buffer, position: number): Promise<number> {
    let length = 0;
    for (let read = 1; read > 0 && length < target.length; length += read)
      read = (await this.#file.read(target, length, target.length - length, position + length)).bytesRead;
    return length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
