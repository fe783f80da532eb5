import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskTroubles } from '../../../../services/viscript/troubles/disk.ts';
import { mayMount, onSmallDisk } from '../../small-disk.ts';
import { temporaryFolder } from '../support.ts';

const module = join(import.meta.dirname, '../../../../services/viscript/troubles/disk.ts');
const load = `const { diskTroubles } = await import(${JSON.stringify(module)});`;

it('finds nothing wrong with a folder that can be used, and says when it is not there', async () => {
  await using folder = await temporaryFolder();
  expect(await diskTroubles(folder.path)).toEqual([]);
  const gone = join(folder.path, 'gone');
  expect(await diskTroubles(gone)).toEqual([`${gone}: it is not there: nothing that changes is kept`]);
});

describe.skipIf(!mayMount)('of a file system (needs root)', () => {
  it('says that it is full, until there is room again', async () => {
    const [full] = (await onSmallDisk(`${load} fill(); return diskTroubles(folder);`)) as string[];
    expect(full).toMatch(/: its disk is full \(0 B of 64\.0 KiB left\)/);
  });

  it('says that it can only be read', async () => {
    const [unwritable] = (await onSmallDisk(
      `${load} remount('size=10m'); remount('ro'); return diskTroubles(folder);`,
    )) as string[];
    expect(unwritable).toMatch(/: its disk can only be read, not written/);
  });
});
