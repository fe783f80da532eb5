import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { boardSettings, readContents } from '../../../image/rack/board-settings.ts';
import { enrol } from '../../../image/rack/enrol.ts';
import { rackFiles } from '../../../image/rack/files.ts';
import { readRack } from '../../../image/rack/rack.ts';
import { hashPassphrase } from '../../../services/net/passphrase.ts';
import { newHostKey } from '../../../services/net/ssh/host-key.ts';
import { passphrase, RackShelf, rewrite } from './a-rack.ts';

const key = newHostKey('').publicLine;
let hash: string;
let shelf: RackShelf;
let fresh: string;
let folder: string;
beforeAll(async () => {
  shelf = await RackShelf.make();
  fresh = await shelf.create(2);
  folder = await shelf.copy(fresh);
  hash = (await hashPassphrase('correct horse', { N: 2 ** 14, r: 8, p: 1 })).trim();
  await rewrite(folder, 'ssh_keys: []', `ssh_keys: [${key}]\nconsole_passphrase: ${hash}`);
  await rewrite(
    folder,
    '# apps:',
    'apps: {meshnet-echo: {args: [echo0, 010], boards: [node2]}, meshnet-socks-server: }',
  );
  await rewrite(folder, 'address: 192.168.0.3', 'address: dhcp, mac: 02:00:00:00:00:01');
  await enrol(folder, passphrase);
}, 120_000);
afterAll(() => shelf.remove());

describe('what the card of a board says', () => {
  it('is all that rack.yaml says of it, and the list that its mesh goes by', async () => {
    const { rack, members } = await readRack(folder);
    expect(boardSettings(await readContents(folder), 'node1')).toEqual({
      board: 'node1',
      network: { address: '192.168.0.2/24', gateway: '192.168.0.1', dns: ['192.168.0.1'], ntp: [] },
      sshKeys: [key],
      consolePassphrase: hash,
      mesh: {
        rack,
        manager: `${members[0]?.key}@192.168.0.2:5999`,
        listen: ['0.0.0.0:5000'],
        domain: 'rack.mesh',
        members: await readFile(rackFiles(folder).members, 'utf8'),
      },
      apps: { 'meshnet-socks-server': { args: undefined } },
      updateKeys: undefined,
      backupKey: (await readFile(rackFiles(folder).backupKey, 'utf8')).trim(),
    });
  });

  it('has neither address nor gateway by DHCP, and the apps of that board', async () => {
    const { network, apps } = boardSettings(await readContents(folder), 'node2');
    expect(network).toEqual({ mac: '02:00:00:00:00:01', dns: ['192.168.0.1'], ntp: [] });
    expect(apps).toEqual({
      'meshnet-echo': { args: ['echo0', '010'] },
      'meshnet-socks-server': { args: undefined },
    });
  });

  it('is what a board file says, and reads', async () => {
    const contents = await readContents(folder);
    for (const board of contents.rack.boards.keys()) {
      const settings = boardSettings(contents, board);
      expect(readBoardFile(formatBoardFile(settings))).toEqual(settings);
    }
  });

  it('names a manager elsewhere as rack.yaml does', async () => {
    const copy = await shelf.copy(folder);
    const manager = `${'a'.repeat(64)}@manager.example.org:5999`;
    await rewrite(copy, 'manager: node1', `manager: ${manager}`);
    expect(boardSettings(await readContents(copy), 'node1').mesh?.manager).toBe(manager);
  });

  it('is not there for a board without an identity, or one that nobody knows', async () => {
    const contents = await readContents(fresh);
    expect(() => boardSettings(contents, 'node1')).toThrow(
      "node1 has no identity yet: 'skyminer rack sign' first",
    );
    expect(() => boardSettings(contents, 'node3')).toThrow('no board node3: there are node1, node2');
  });
});
