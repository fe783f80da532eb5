import { constants } from 'node:fs';
import { type FileHandle, open, writeFile } from 'node:fs/promises';
import koffi from 'koffi';
import { run } from '../../../image/run.ts';
import { type Libc, loadLibc } from '../../../services/vpn/tun/libc.ts';

/** What a file of a test does; what it throws, who uses the file gets as an I/O error. */
export interface Behaviour {
  size: number;
  read(offset: number, length: number): Buffer;
  write(offset: number, data: Buffer): void;
}

/** From linux/fuse.h, version 7.31. */
const IN_HEAD = 40;
const OUT_HEAD = 16;
const OP = {
  forget: 2,
  getattr: 3,
  setattr: 4,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
};
const MORE = { flush: 25, init: 26, interrupt: 36, destroy: 38, batchForget: 42 };
const QUIET = new Set([OP.forget, MORE.interrupt, MORE.batchForget]);
const NOTHING = new Set([OP.release, OP.fsync, MORE.flush, MORE.destroy]);
const DIRECT_IO = 1;
const MAX_WRITE = 128 * 1024;
const EIO = 5;
const ENOSYS = 38;

/** A file whose content this process makes up, past every cache, over FUSE. It does not wait for anything of Node's. */
export class FuseFile implements AsyncDisposable {
  readonly #path: string;
  readonly #channel: FileHandle;
  readonly #libc: Libc;
  readonly #behaviour: Behaviour;
  readonly #poll: { close(): void };
  readonly #buffer = Buffer.alloc(MAX_WRITE + 4096);

  static async mount(path: string, behaviour: Behaviour): Promise<FuseFile> {
    await writeFile(path, '');
    const libc = await loadLibc();
    const channel = await open('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
    const mount = koffi
      .load('libc.so.6')
      .func(
        'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
      );
    const options = `fd=${channel.fd},rootmode=100600,user_id=0,group_id=0`;
    if (mount('made-up', path, 'fuse', 0, options) < 0) {
      await channel.close();
      throw new Error(`${path} cannot be mounted: errno ${koffi.errno()}`);
    }
    return new FuseFile(path, channel, libc, behaviour);
  }

  private constructor(path: string, channel: FileHandle, libc: Libc, behaviour: Behaviour) {
    this.#path = path;
    this.#channel = channel;
    this.#libc = libc;
    this.#behaviour = behaviour;
    this.#poll = libc.poll(channel.fd, () => this.#answerAll());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('umount', [this.#path]);
    this.#poll.close();
    await this.#channel.close();
  }

  #answerAll(): void {
    for (;;) {
      const length = this.#libc.read(this.#channel.fd, this.#buffer, this.#buffer.length);
      if (length < IN_HEAD) return;
      const request = this.#buffer.subarray(0, length);
      const opcode = request.readUInt32LE(4);
      if (QUIET.has(opcode)) continue;
      const answer = this.#answer(opcode, request.subarray(IN_HEAD));
      const body = typeof answer === 'number' ? Buffer.alloc(0) : answer;
      const head = Buffer.alloc(OUT_HEAD);
      head.writeUInt32LE(OUT_HEAD + body.length, 0);
      head.writeInt32LE(typeof answer === 'number' ? -answer : 0, 4);
      request.copy(head, 8, 8, 16);
      this.#libc.write(this.#channel.fd, Buffer.concat([head, body]), OUT_HEAD + body.length);
    }
  }

  /** @returns the body of the answer, or the number of an error */
  #answer(opcode: number, body: Buffer): Buffer | number {
    if (NOTHING.has(opcode)) return Buffer.alloc(0);
    switch (opcode) {
      case MORE.init:
        return words(64, [7, 31, 0, 1 << 5, 0, MAX_WRITE, 1]);
      case OP.getattr:
      case OP.setattr:
        return this.#attributes();
      case OP.open:
        return words(16, [0, 0, DIRECT_IO]);
      case OP.statfs:
        return Buffer.alloc(80);
      case OP.read:
      case OP.write:
        return this.#transfer(
          opcode,
          Number(body.readBigUInt64LE(8)),
          body.readUInt32LE(16),
          body.subarray(40),
        );
      default:
        return ENOSYS;
    }
  }

  #transfer(opcode: number, offset: number, length: number, data: Buffer): Buffer | number {
    try {
      if (opcode === OP.read) return this.#behaviour.read(offset, length);
      this.#behaviour.write(offset, data.subarray(0, length));
      return words(8, [length]);
    } catch {
      return EIO;
    }
  }

  #attributes(): Buffer {
    const answer = Buffer.alloc(104);
    answer.writeBigUInt64LE(1n, 16);
    answer.writeBigUInt64LE(BigInt(this.#behaviour.size), 24);
    answer.writeUInt32LE(0o100600, 76);
    answer.writeUInt32LE(1, 80);
    answer.writeUInt32LE(4096, 96);
    return answer;
  }
}

function words(length: number, values: readonly number[]): Buffer {
  const answer = Buffer.alloc(length);
  values.forEach((value, index) => {
    answer.writeUInt32LE(value, index * 4);
  });
  return answer;
}
