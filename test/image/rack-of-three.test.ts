import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLock } from '../../image/rack/lock-file.ts';
import { DocumentWalk } from './document-walk.ts';
import { BOOT_MS, BOOTING_MS } from './fixture.ts';
import { isLong } from './long.ts';
import { registeredNodes } from './registered-nodes.ts';

let walk: DocumentWalk;

const ON = 'ssh -F rack/qemu/ssh_config';

describe.skipIf(!isLong)(
  'docs/rack.md, three boards in QEMU (needs SKYMINER_LONG)',
  { timeout: 2 * BOOTING_MS },
  () => {
    beforeAll(async () => {
      walk = await DocumentWalk.begin('docs/rack.md', 'Three boards in QEMU');
    });

    afterAll(() => walk?.[Symbol.asyncDispose]());

    it('makes keys and an image, and says what the rack is like', async () => {
      await walk.section('1. Keys and an image');
      await walk.section('2. What the rack is like', { 'rack check': /3 boards in .* update keys of yours/ });
    });

    it('boots three boards of one image and one rack.yaml, and makes the card of a real one', async () => {
      await walk.section('3. Three boards');
      const { status, said } = await walk.shell(`${ON} admin@node2 'hostname; ip -brief -4 address'`);
      expect({ status, said }).toMatchObject({ status: 0 });
      expect(said).toMatch(/^node2$/m);
      expect(said).toMatch(/192\.168\.0\.3\/24/);
    });

    it('has them all registered by their names and addresses, and one reaches another', async () => {
      await walk.section('4. The mesh', {
        'mesh nodes': registeredNodes(['node1', 'node2', 'node3']),
        'node3 echo': /^min .*ms, median .*ms/m,
      });
    });

    it('updates a board', async () => {
      await walk.section('5. An update', {
        'node2 status': /^slots: B runs /m,
      });
    });

    it('goes back', async () => {
      await walk.section('6. Back again', { 'node2 status': /^slots: A runs /m });
    });

    it('is without a board that was removed, also when that one runs', async () => {
      const lock = await readLock(join(walk.folder, 'rack/rack.lock.yaml'));
      await walk.section('7. A board is gone', {
        'rack push': /^node1 +(?:took|has) list 3\nnode2 +(?:took|has) list 3$/m,
        'mesh nodes': registeredNodes(['node1', 'node2']),
      });
      const log = async () => (await walk.shell(`${ON} node1 logs meshnet-nm`)).said;
      await expect
        .poll(log, { timeout: BOOT_MS, interval: 2000 })
        .toContain(`refused: ${lock?.boards.node3?.identity} is not admitted here`);
    });

    it('takes a new card for a board with nothing done to the others', async () => {
      const before = await readFile(join(walk.folder, 'rack/qemu/node2.identity'), 'utf8');
      await walk.section('8. A board is replaced', {
        'off node2': /Switch node2 off.*\n/,
        'on node2': /node2 · 192\.168\.0\.3\/24 · .*\n/,
        'mesh nodes': registeredNodes(['node1', 'node2']),
      });
      expect(await readFile(join(walk.folder, 'rack/qemu/node2.identity'), 'utf8')).not.toBe(before);
    });

    it('has no command that was not typed, and leaves nothing running', async () => {
      expect(walk.left).toEqual([]);
      expect(await walk.leaveBoards()).toBe(0);
    });
  },
);
