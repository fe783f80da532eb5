import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoard } from '../../image/board-file.ts';
import { listDirectories, repository } from '../../image/files.ts';

const boards = await listDirectories(join(repository, 'board'));

describe.each(boards)('the folder of %s', (name) => {
  it('says all that is needed, in the form that is asked for', async () => {
    const board = await loadBoard(name);
    expect(board.uBoot.environment).toMatchObject({ bootdelay: '-2' });
    expect(await readFile(join(board.directory, 'genimage.cfg'), 'utf8')).toContain(
      'include("partitions.cfg")',
    );
  });

  it('asks no more time of its watchdog than the hardware has', async () => {
    const { watchdog } = await loadBoard(name);
    const most = new Map([
      ['sunxi_wdt', 16],
      ['i6300esb', 2046],
    ]).get(watchdog.module);
    expect(watchdog.seconds).toBeLessThanOrEqual(most ?? 0);
  });
});

describe('boards', () => {
  it('are one emulated, one compiled for, and one that Debian has all of, at least', async () => {
    const from = await Promise.all(boards.map(async (name) => [name, (await loadBoard(name)).uBoot.from]));
    expect(Object.fromEntries(from)).toMatchObject({
      'nanopi-neo2': 'package',
      'orangepi-prime': 'source',
      'qemu-aarch64': 'host',
    });
  });
});
