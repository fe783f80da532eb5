import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Identity, identityOf } from '../../../image/flash/card/identity.ts';
import { run } from '../../../image/run.ts';

/** Why this machine has no loop devices for tests; undefined: it has. */
export const noLoops = whyNone();

/** A block device of the kernel that is a file. */
export class LoopDevice implements AsyncDisposable {
  readonly path: string;
  readonly file: string;

  private constructor(path: string, file: string) {
    this.path = path;
    this.file = file;
  }

  /** @param size bytes of a new sparse file; undefined: the file is there */
  static async attach(file: string, size?: number, options: readonly string[] = []): Promise<LoopDevice> {
    if (size !== undefined) {
      await using handle = await open(file, 'w');
      await handle.truncate(size);
    }
    const { stdout } = await run('losetup', [...options, '--find', '--show', file]);
    return new LoopDevice(stdout.trim(), file);
  }

  get name(): string {
    return basename(this.path);
  }

  identity(): Promise<Identity> {
    return identityOf(`/sys/class/block/${this.name}`, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run('losetup', ['--detach', this.path]);
  }
}

function whyNone(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can make loop devices';
  if (!existsSync('/dev/loop-control')) return 'this kernel has no loop devices';
  return spawnSync('losetup', ['--version']).status === 0 ? undefined : 'losetup is not installed';
}
