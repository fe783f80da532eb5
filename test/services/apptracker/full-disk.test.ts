import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../signal/support.ts';
import { mayMount } from '../small-disk.ts';
import { connectTo, entryOf, secretOf } from './support.ts';

const program = join(import.meta.dirname, '../../../services/apptracker/main.ts');

/** A tracker under a program that takes something from it. */
async function trackerUnder(command: string, args: readonly string[], folder: string) {
  const child = spawn(command, [...args, process.execPath, program, '127.0.0.1:0'], {
    env: { PATH: process.env.PATH, STATE_DIRECTORY: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^listening on (.+)$/.exec(line)?.[1];
    if (address !== undefined) return { child, address, errors: () => errors };
  }
  throw new Error(`the tracker has ended: ${errors}`);
}

/** Where a process sees a folder in a mount namespace of its own. */
function seenBy(child: ChildProcess, folder: string): string {
  return `/proc/${child.pid}/root${folder}`;
}

async function storedIn(folder: string): Promise<string> {
  const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('.json'));
  return readFile(join(folder, name), 'utf8');
}

describe('apptracker', () => {
  it.skipIf(!mayMount)(
    'serves on a full disk, keeps what it had stored, and stores again when there is room (needs root)',
    async () => {
      const folder = await scratchFolder();
      const own = 'mount -t tmpfs -o size=64k small "$STATE_DIRECTORY" && exec "$@"';
      const under = ['--mount', '--propagation', 'private', 'sh', '-c', own, 'sh'];
      const { child, address, errors } = await trackerUnder('unshare', under, folder);
      const disk = seenBy(child, folder);
      const client = await connectTo(address);
      await client.register(entryOf('before'), secretOf('a'));
      await expect.poll(() => storedIn(disk)).toContain('"before"');
      const stored = await storedIn(disk);

      const filler = join(disk, 'filler');
      await expect(
        (async () => {
          for (;;) await appendFile(filler, Buffer.alloc(4096));
        })(),
      ).rejects.toThrow('ENOSPC');
      await client.register(entryOf('during'), secretOf('b'));
      expect((await client.find()).map(({ name }) => name)).toEqual(['before', 'during']);
      await expect.poll(errors).toMatch(/cannot keep the leases.*ENOSPC/);
      expect(await storedIn(disk)).toBe(stored);

      await rm(filler);
      await client.register(entryOf('after'), secretOf('c'));
      await expect
        .poll(() => storedIn(disk))
        .toMatch(/"before".*"during".*"after"|"after".*"before".*"during"/);
    },
  );
});
