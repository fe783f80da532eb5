import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Making a file system takes root, and the right to have mounts of one's own. */
export const mayMount = process.getuid?.() === 0;

const program = (steps: string) => `
  import { execFileSync } from 'node:child_process';
  import * as fs from 'node:fs';
  const [folder] = process.argv.slice(1);
  const fill = () => {
    const file = fs.openSync(folder + '/filler', 'w');
    try {
      for (;;) fs.writeSync(file, Buffer.alloc(4096));
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
    } finally {
      fs.closeSync(file);
    }
  };
  const remount = (how) => execFileSync('mount', ['-o', 'remount,' + how, folder]);
  const result = await (async () => { ${steps} })();
  console.log(JSON.stringify(result));
`;

/**
 * Runs the body of an async function, as text, in a process whose `folder` is a file system of 64 KiB of its own, which
 * `fill()` fills to the last byte and `remount('ro')` protects. Nobody else sees it, and it ends with the process.
 *
 * @returns what the body returned
 */
export async function onSmallDisk(steps: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'));
  try {
    const mount = 'mount -t tmpfs -o size=64k small "$1" && exec "$2" --input-type=module -e "$3" "$1"';
    const { stdout } = await promisify(execFile)('unshare', [
      ...['--mount', '--propagation', 'private', 'sh', '-c', mount],
      ...['sh', folder, process.execPath, program(steps)],
    ]);
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}
