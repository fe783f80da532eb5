import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type FileHandle, open, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { LoopDevice, noLoops } from './loop-device.ts';
import { NbdServer } from './nbd-server.ts';

/** Why this machine cannot have cards with faults; undefined: it can. */
export const noFaults = noLoops ?? whyNone();

/** What is wrong with a card; nothing, where nothing is said. */
export interface Faults {
  /** Bytes that are really there. */
  realSize?: number;
  /** What becomes of what is written beyond: it lands at the address less `realSize`, nowhere, or is an error. */
  beyond?: 'wraps' | 'is lost' | 'fails';
  /** A bit of the byte at this address is another one than was written. */
  flipAt?: number;
  /** When so many bytes were written, nothing more can be. */
  failAfter?: number;
  /** Told after every write. */
  onWrite?: (written: number) => void;
}

/**
 * A card with faults: a block device of the kernel whose blocks a server in this process keeps, over NBD and FUSE, without a
 * cache in between. Nothing that blocks this process may touch it.
 */
export class FaultyCard implements AsyncDisposable {
  readonly loop: LoopDevice;
  /** What really is on it. */
  readonly content: FileHandle;
  readonly #resources: AsyncDisposableStack;

  /** @param name of files in the folder `home` */
  static async plugIn(home: string, name: string, size: number, faults: Faults): Promise<FaultyCard> {
    await using resources = new AsyncDisposableStack();
    const content = resources.use(await open(join(home, `${name}.content`), 'w+'));
    const socket = join(home, `${name}.sock`);
    resources.use(await NbdServer.listen(socket, diskOf(content, size, faults)));
    const file = join(home, `${name}.img`);
    await writeFile(file, '');
    resources.use(await FuseMount.of(file, socket));
    const loop = resources.use(await LoopDevice.attach(file, undefined, ['--direct-io=on']));
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

function diskOf(content: FileHandle, size: number, faults: Faults) {
  const { realSize = size, beyond = 'fails', flipAt = -1, failAfter = Number.POSITIVE_INFINITY } = faults;
  let written = 0;
  const place = (offset: number): number | undefined => {
    if (offset < realSize) return offset;
    if (beyond === 'fails') throw new RangeError('there is nothing');
    return beyond === 'wraps' ? offset % realSize : undefined;
  };
  return {
    size,
    read: async (offset: number, length: number) => {
      const buffer = Buffer.alloc(length);
      for (const [at, from, to] of pieces(offset, length, realSize)) {
        const there = place(at);
        if (there !== undefined) await content.read(buffer, from, to - from, there);
      }
      return buffer;
    },
    write: async (offset: number, data: Buffer) => {
      if (written + data.length > failAfter) throw new RangeError('worn out');
      const changed = Buffer.from(data);
      const flipped = flipAt - offset;
      if (flipped >= 0 && flipped < data.length)
        changed.writeUInt8(changed.readUInt8(flipped) ^ 0x10, flipped);
      for (const [at, from, to] of pieces(offset, data.length, realSize)) {
        const there = place(at);
        if (there !== undefined) await content.write(changed, from, to - from, there);
      }
      written += data.length;
      faults.onWrite?.(written);
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

/** QEMU's storage daemon, which shows what an NBD server has as a file. */
class FuseMount implements AsyncDisposable {
  readonly #child: ChildProcess;

  static async of(file: string, socket: string): Promise<FuseMount> {
    const disk = `driver=nbd,node-name=disk,server.type=unix,server.path=${socket}`;
    const shown = `type=fuse,id=file,node-name=disk,mountpoint=${file},writable=on`;
    const child = spawn('qemu-storage-daemon', ['--blockdev', disk, '--export', shown], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const mounted = new FuseMount(child);
    await vi.waitUntil(async () => {
      if (child.exitCode !== null) throw new Error(`qemu-storage-daemon ended with ${child.exitCode}`);
      return (await stat(file)).size > 0;
    }, 60_000);
    return mounted;
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : Promise.resolve();
    this.#child.kill('SIGTERM');
    await ended;
  }
}

function whyNone(): string | undefined {
  if (!existsSync('/dev/fuse')) return 'this kernel has no FUSE';
  const { status, stdout } = spawnSync('qemu-storage-daemon', ['--help'], { encoding: 'utf8' });
  return status === 0 && stdout.includes('type=]fuse')
    ? undefined
    : 'no qemu-storage-daemon with FUSE is installed';
}
