import { existsSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type Behaviour, FuseFile } from './fuse-file.ts';
import { fillWithJunk } from './junk.ts';
import { LoopDevice, noLoops } from './loop-device.ts';

/** Why this machine cannot have cards with faults; undefined: it can. */
export const noFaults = noLoops ?? (existsSync('/dev/fuse') ? undefined : 'this kernel has no FUSE');

/** What is wrong with a card; nothing, where nothing is said. */
export interface Faults {
  /** Bytes that are really there. */
  realSize?: number;
  /** What becomes of what is written beyond: it lands at the address less `realSize`, nowhere, or is an error. */
  beyond?: 'wraps' | 'is lost' | 'fails';
  /** A bit of the byte at this address is another one than was written. */
  flipAt?: number;
  /** A bit of the byte at this address is always 0. */
  stuckAt?: number;
  /** Writes that touch the byte at this address are errors. */
  failAt?: number;
  /** When so many bytes were written, nothing more can be. */
  failAfter?: number;
  /** When so many bytes were written, what else is written is taken and not kept. */
  forgetAfter?: number;
  /** Told after every write: bytes written so far, and where the last ones were. */
  onWrite?: (written: number, offset: number) => void;
}

/**
 * A card with faults: a block device of the kernel whose blocks this process keeps, over FUSE, without a cache in between.
 * Nothing that blocks this process may touch it.
 */
export class FaultyCard implements AsyncDisposable {
  readonly loop: LoopDevice;
  /** What really is on it. */
  readonly content: FileHandle;
  readonly #resources: AsyncDisposableStack;

  /** It was in use before: junk is on it. @param name of files in the folder `home` */
  static async plugIn(home: string, name: string, size: number, faults: Faults): Promise<FaultyCard> {
    await using resources = new AsyncDisposableStack();
    await fillWithJunk(join(home, `${name}.content`), size);
    const content = resources.use(await open(join(home, `${name}.content`), 'r+'));
    const file = join(home, `${name}.img`);
    resources.use(await FuseFile.mount(file, behaviourOf(content.fd, size, faults)));
    const loop = resources.use(await LoopDevice.attach(file));
    return new FaultyCard(loop, content, resources.move());
  }

  private constructor(loop: LoopDevice, content: FileHandle, resources: AsyncDisposableStack) {
    this.loop = loop;
    this.content = content;
    this.#resources = resources;
  }

  async bytesAt(offset: number, length: number): Promise<Buffer> {
    const { buffer } = await this.content.read(Buffer.alloc(length), 0, length, offset);
    return buffer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function behaviourOf(content: number, size: number, faults: Faults): Behaviour {
  const { realSize = size, beyond = 'fails', flipAt = -1, stuckAt = -1, failAt = -1 } = faults;
  const { failAfter = Number.POSITIVE_INFINITY, forgetAfter = Number.POSITIVE_INFINITY } = faults;
  let written = 0;
  const place = (offset: number): number | undefined => {
    if (offset < realSize) return offset;
    if (beyond === 'fails') throw new RangeError('there is nothing');
    return beyond === 'wraps' ? offset % realSize : undefined;
  };
  return {
    size,
    read: (offset, length) => {
      const buffer = Buffer.alloc(length);
      for (const [at, from, to] of pieces(offset, length, realSize)) {
        const there = place(at);
        if (there !== undefined) readSync(content, buffer, from, to - from, there);
      }
      return buffer;
    },
    write: (offset, data) => {
      if (written + data.length > failAfter) throw new RangeError('worn out');
      const within = (address: number) => address >= offset && address < offset + data.length;
      if (within(failAt)) throw new RangeError('defective');
      const changed = Buffer.from(data);
      const change = (address: number, how: (byte: number) => number) => {
        if (within(address)) changed.writeUInt8(how(changed.readUInt8(address - offset)), address - offset);
      };
      change(flipAt, (byte) => byte ^ 0x10);
      change(stuckAt, (byte) => byte & ~0x20);
      const isKept = written < forgetAfter;
      for (const [at, from, to] of pieces(offset, data.length, realSize)) {
        const there = place(at);
        if (there !== undefined && isKept) writeSync(content, changed, from, to - from, there);
      }
      written += data.length;
      // Promises do not go on behind the callback that this is in.
      if (faults.onWrite !== undefined) setImmediate(faults.onWrite, written, offset);
    },
  };
}

/** Address, and place in the buffer from and to, of parts that do not cross a multiple of `step`. */
function pieces(offset: number, length: number, step: number): [number, number, number][] {
  const parts: [number, number, number][] = [];
  for (let at = 0; at < length; ) {
    const end = Math.min(length, at + step - ((offset + at) % step));
    parts.push([offset + at, at, end]);
    at = end;
  }
  return parts;
}
