import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { run } from '../../run.ts';
import { FlashError } from '../error.ts';
import type { ImageReader } from './reader.ts';

/** A program that unpacks. Node's own decoder of zstd stops behind the first frame of several, and says nothing. */
export interface Unpacker {
  /** First bytes of its files, in hexadecimal. */
  magic: string;
  program: string;
  args: readonly string[];
  /** Arguments that make it tell the size, and where that stands in what it prints. */
  list: readonly string[];
  size: RegExp;
}

export const UNPACKERS: readonly Unpacker[] = [
  {
    magic: 'fd377a585a00',
    program: 'xz',
    args: ['--decompress', '--stdout', '--threads=0', '--'],
    list: ['--robot', '--list', '--'],
    size: /^totals\t\d+\t\d+\t\d+\t(\d+)\t/m,
  },
  {
    magic: '28b52ffd',
    program: 'zstd',
    args: ['--decompress', '--stdout', '--quiet', '--long=31', '--'],
    list: ['--list', '--verbose', '--'],
    size: /^Decompressed Size: .*\((\d+) B\)$/m,
  },
];

const MAX_COMPLAINT = 1000;

/** Bytes of a packed file when it is unpacked. @throws {FlashError} when it does not say */
export async function packedSize(path: string, { program, list, size }: Unpacker): Promise<number> {
  const { stdout } = await run(program, [...list, resolve(path)]);
  const bytes = Number(size.exec(stdout)?.[1] ?? 0);
  if (bytes > 0) return bytes;
  throw new FlashError(
    `${path} does not say how long it is: unpack it, or pack it anew with '${program} IMAGE', from a file`,
  );
}

/** What a program unpacks, as it comes: never more than a pipe of it in memory. */
export class PackedReader implements ImageReader {
  readonly #path: string;
  readonly #program: string;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #ended: Promise<string | undefined>;
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);
  #position = 0;

  static open(path: string, unpacker: Unpacker): PackedReader {
    return new PackedReader(path, unpacker);
  }

  private constructor(path: string, { program, args }: Unpacker) {
    this.#path = path;
    this.#program = program;
    this.#child = spawn(program, [...args, resolve(path)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let complaint = '';
    this.#child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(0, MAX_COMPLAINT);
    });
    this.#ended = new Promise((end) => {
      this.#child.on('error', (error) => end(error.message));
      this.#child.on('close', (status, signal) =>
        end(status === 0 ? undefined : complaint.trim() || `it ended with ${signal ?? status}`),
      );
    });
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
  }

  async read(target: Buffer, position: number): Promise<number> {
    let length = 0;
    while (length < target.length) {
      if (this.#rest.length === 0 && !(await this.#more())) break;
      const skip = Math.min(position + length - this.#position, this.#rest.length);
      const taken = Math.min(target.length - length, this.#rest.length - skip);
      this.#rest.copy(target, length, skip, skip + taken);
      this.#rest = this.#rest.subarray(skip + taken);
      this.#position += skip + taken;
      length += taken;
    }
    return length;
  }

  /** @throws {FlashError} when the file turns out to be damaged */
  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (done !== true) {
      this.#rest = value;
      return true;
    }
    const complaint = await this.#ended;
    if (complaint === undefined) return false;
    throw new FlashError(`${this.#path} cannot be unpacked: ${this.#program}: ${complaint}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    this.#child.stdout.destroy();
    await this.#ended;
  }
}
