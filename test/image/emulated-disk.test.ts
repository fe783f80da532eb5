import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readBoardFile } from '../../image/board-settings/text.ts';
import { emulatedDisk, macOf } from '../../image/provision/emulated.ts';
import { enrol } from '../../image/rack/enrol.ts';
import { replaceBoard } from '../../image/rack/rack.ts';
import { run } from '../../image/run.ts';
import { makeCard, PLACES } from '../image-unit/provision/card.ts';
import { PASSPHRASE, passphrase, RackShelf } from '../image-unit/rack/a-rack.ts';

let shelf: RackShelf;
let rack: string;
let folder: string;
let image: string;

beforeAll(async () => {
  shelf = await RackShelf.make();
  rack = await shelf.create(2);
  await enrol(rack, passphrase);
  folder = join(rack, 'qemu');
  await mkdir(folder, { mode: 0o700 });
  image = join(rack, 'common.img');
  await makeCard(image);
});

afterAll(() => shelf.remove());

it('makes a disk of the image for a board, with its address on the card of the hub, and goes on with it', async () => {
  const disk = await emulatedDisk({ rack, board: 'node2', image, folder });
  expect((await stat(disk)).mode & 0o777).toBe(0o600);
  const raw = join(folder, 'raw');
  await run('qemu-img', ['convert', '-O', 'raw', disk, raw]);
  expect((await stat(raw)).size).toBe(2048 * 1024 * 1024);
  const { stdout } = await run('mtype', ['-i', `${raw}@@${PLACES.boot.at}`, '::board.yaml']);
  expect(readBoardFile(stdout)).toMatchObject({
    board: 'node2',
    network: { address: '192.168.0.3/24', mac: macOf('node2') },
  });
  await rm(raw);
  const { mtimeMs } = await stat(disk);
  expect(await emulatedDisk({ rack, board: 'node2', image, folder })).toBe(disk);
  expect((await stat(disk)).mtimeMs).toBe(mtimeMs);
});

it('takes no disk of a board that was replaced, until it is deleted', async () => {
  await replaceBoard(rack, PASSPHRASE, 'node2');
  const again = () => emulatedDisk({ rack, board: 'node2', image, folder });
  await expect(again()).rejects.toThrow(/node2\.qcow2 is the disk of another node2.*delete it/);
  await rm(join(folder, 'node2.qcow2'));
  await again();
});

it('makes none for a board that is not in the rack', async () => {
  await expect(emulatedDisk({ rack, board: 'node9', image, folder })).rejects.toThrow(
    /node9 does not belong to the rack .*'skyminer rack list'/,
  );
});
