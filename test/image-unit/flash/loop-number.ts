import { open } from 'node:fs/promises';
import { run } from '../../../image/run.ts';
import { loadLibc } from '../../../services/vpn/tun/libc.ts';

/** From linux/loop.h. */
const LOOP_CTL_ADD = 0x4c80;
const LOOP_CTL_REMOVE = 0x4c81;

/** A loop device with a number that no other program gets by asking for a free one. */
export class LoopNumber implements AsyncDisposable {
  readonly path: string;
  readonly #number: number;

  static async add(): Promise<LoopNumber> {
    const number = 1000 + process.pid;
    await control(LOOP_CTL_ADD, number);
    return new LoopNumber(number);
  }

  private constructor(number: number) {
    this.#number = number;
    this.path = `/dev/loop${number}`;
  }

  async attach(file: string): Promise<void> {
    await run('losetup', [this.path, file]);
  }

  async detach(): Promise<void> {
    await run('losetup', ['--detach', this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await control(LOOP_CTL_REMOVE, this.#number);
  }
}

async function control(request: number, number: number): Promise<void> {
  const libc = await loadLibc();
  await using file = await open('/dev/loop-control', 'r+');
  if (libc.ioctlValue(file.fd, request, number) < 0) throw new Error(`loop-control: errno ${libc.errno()}`);
}
