import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { run } from '../../../../image/run.ts';
import { recover } from '../../../../scripts/endurance/power/judge.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'judge-'));
});

afterEach(() => rm(folder, { recursive: true }));

/** A file system of whose superblock the second sector is another one's. */
async function tornDisk(size: string): Promise<string> {
  const disk = join(folder, 'disk');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', disk, size]);
  await using file = await open(disk, 'r+');
  await file.write(Buffer.alloc(512, 1), 0, 512, 1024 + 512);
  return disk;
}

it('goes on with the copy of a superblock that a power cut has torn, as a board does', async () => {
  await recover(await tornDisk('160M'));
});

it('finds a disk lost that has no such copy', async () => {
  await expect(tornDisk('64M').then(recover)).rejects.toThrow(/the file system is damaged/);
});

it('finds nothing wrong with a whole one', async () => {
  const disk = join(folder, 'disk');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', disk, '64M']);
  await recover(disk);
});

const FILE_IN_USE = [
  'write f f',
  'set_inode_field f links_count 0',
  'unlink f',
  'set_super_value last_orphan 12',
];

/** A file system with a file that was removed while it was open; and on demand a transaction whose last record is torn. */
async function diskWithFileInUse(transaction: 'none' | 'torn'): Promise<string> {
  const disk = join(folder, 'disk');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-O', '^orphan_file', disk, '64M']);
  const debugfs = (commands: string[]) =>
    run('debugfs', ['-w', '-f', '-', disk], { cwd: folder, input: `${commands.join('\n')}\n` });
  await writeFile(join(folder, 'f'), 'hello');
  await debugfs(FILE_IN_USE);
  if (transaction === 'none') return disk;
  await writeFile(join(folder, 'zeros'), Buffer.alloc(4096));
  await debugfs(['journal_open -c -v 3', 'journal_write -b 12000 zeros', 'journal_close']);
  const commit = Buffer.from('c03b399800000002', 'hex');
  const at = (await readFile(disk)).lastIndexOf(commit);
  await using file = await open(disk, 'r+');
  await file.write(Buffer.alloc(512, 1), 0, 512, at + 512);
  return disk;
}

it('takes a removed file that was open for no damage when the last transaction is torn', async () => {
  await recover(await diskWithFileInUse('torn'));
});

it('takes it for damage when every transaction is whole', async () => {
  const disk = await diskWithFileInUse('none');
  await run('debugfs', ['-w', '-R', 'set_super_value last_orphan 0', disk]);
  await expect(recover(disk)).rejects.toThrow(/zero dtime/);
});
