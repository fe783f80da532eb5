import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAddress } from '../../../services/net/address.ts';
import { scratchFolder } from '../signal/support.ts';
import { mayMount } from '../small-disk.ts';
import { connectTo, entryOf, secretOf } from './support.ts';

const SOON = { timeout: 60_000 };
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

/** A tracker with a disk of its own, which has stored the lease of `before`. */
async function trackerOnSmallDisk() {
  const folder = await scratchFolder();
  const own = 'mount -t tmpfs -o size=64k small "$STATE_DIRECTORY" && exec "$@"';
  const under = ['--mount', '--propagation', 'private', 'sh', '-c', own, 'sh'];
  const tracker = await trackerUnder('unshare', under, folder);
  const disk = seenBy(tracker.child, folder);
  const client = await connectTo(tracker.address);
  await client.register(entryOf('before'), secretOf('a'));
  await expect.poll(() => storedIn(disk), SOON).toContain('"before"');
  const remount = async (how: string) => {
    const args = ['--target', String(tracker.child.pid), '--mount', 'mount', '-o', `remount,${how}`, folder];
    await promisify(execFile)('nsenter', args);
  };
  return { ...tracker, disk, client, remount };
}

type OnSmallDisk = Awaited<ReturnType<typeof trackerOnSmallDisk>>;

async function fill({ disk }: OnSmallDisk): Promise<void> {
  const filling = (async () => {
    for (;;) await appendFile(join(disk, 'filler'), Buffer.alloc(4096));
  })();
  await expect(filling).rejects.toThrow('ENOSPC');
}

describe('apptracker', () => {
  it.skipIf(!mayMount).each([
    ['a full disk', 'ENOSPC', fill, ({ disk }: OnSmallDisk) => rm(join(disk, 'filler'))],
    [
      'a disk that can only be read',
      'EROFS',
      ({ remount }: OnSmallDisk) => remount('ro'),
      ({ remount }: OnSmallDisk) => remount('rw'),
    ],
  ])(
    'serves on %s, keeps what it had stored, says so once, and stores by itself when it can (needs root)',
    async (_, code, spoil, relieve) => {
      const tracker = await trackerOnSmallDisk();
      const { client, disk, errors } = tracker;
      const stored = await storedIn(disk);
      await spoil(tracker);
      for (const name of ['during1', 'during2', 'during3'])
        await client.register(entryOf(name), secretOf('b'));
      expect((await client.find()).map(({ name }) => name)).toEqual([
        'before',
        'during1',
        'during2',
        'during3',
      ]);
      const complaint = `^cannot keep the leases in .* for now: ${code}.*\n`;
      await expect.poll(errors, SOON).toMatch(new RegExp(complaint));
      expect(await storedIn(disk)).toBe(stored);

      await relieve(tracker);
      await expect.poll(() => storedIn(disk), SOON).toMatch(/"before".*"during1".*"during2".*"during3"/);
      await expect.poll(errors, SOON).toMatch(new RegExp(`${complaint}can keep the leases again\n$`));
    },
  );

  it('serves those who are connected when it can open nothing more, and others when it can', async () => {
    const folder = await scratchFolder();
    const { child, address, errors } = await trackerUnder('env', [], folder);
    const client = await connectTo(address);
    await client.register(entryOf('before'), secretOf('a'));
    const limit = (nofile: string) =>
      promisify(execFile)('prlimit', ['--pid', String(child.pid), `--nofile=${nofile}`]);
    const open = new Set(await readdir(`/proc/${child.pid}/fd`));
    let free = 0;
    while (open.has(String(free))) free++;
    await limit(`${free}:`);

    const { host, port } = parseAddress(address);
    const knocks = Array.from({ length: 10 }, () => connect(port, host).on('error', () => undefined));
    await client.register(entryOf('during'), secretOf('b'));
    expect((await client.find()).map(({ name }) => name)).toEqual(['before', 'during']);
    await expect.poll(errors, SOON).toMatch(/^cannot keep the leases in .* for now: EMFILE.*\n$/);
    expect(await storedIn(folder)).not.toContain('"during"');

    for (const knock of knocks) knock.destroy();
    await limit('1024:');
    const other = await connectTo(address);
    expect((await other.find()).map(({ name }) => name)).toEqual(['before', 'during']);
    await expect.poll(() => storedIn(folder), SOON).toContain('"during"');
  });
});
