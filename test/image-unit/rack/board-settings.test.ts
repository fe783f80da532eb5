import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { boardSettings, readContents } from '../../../image/rack/board-settings.ts';
import { enrol } from '../../../image/rack/enrol.ts';
import { rackFiles } from '../../../image/rack/files.ts';
import { readRack } from '../../../image/rack/rack.ts';
import { describeRack } from '../../../image/rack/rack-file/read.ts';
import { hashPassphrase } from '../../../services/net/passphrase.ts';
import { newHostKey } from '../../../services/net/ssh/host-key.ts';
import { InvalidFile } from '../../../services/yaml/index.ts';
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
    const { rack } = await readRack(folder);
    expect(boardSettings(await readContents(folder), 'node1')).toEqual({
      board: 'node1',
      network: { address: '192.168.0.2/24', gateway: '192.168.0.1', dns: ['192.168.0.1'], ntp: [] },
      sshKeys: [key],
      consolePassphrase: hash,
      mesh: {
        rack,
        manager: '192.168.0.2:5999',
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

  it('fits into a board file whatever rack.yaml is accepted', async () => {
    // Most of what is told of each is right, so that some racks are right as a whole.
    const some = <T>(right: T, ...others: T[]) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constant(right) },
        { weight: 1, arbitrary: fc.constantFrom(...others) },
      );
    const host = some('10.0.0.1', 'fd00::1', 'ntp.example.org', 'Ntp1', '1.2', 'x_y', 'fe80::1%eth0');
    const word = fc.oneof(fc.constantFrom('010', 'true', '', '~', 'a b', '"', 'é', '--x=y'), fc.string());
    const node1 = fc.record({
      address: some('10.0.0.2', '10.0.0.3', '10.0.0.255', '10.255.255.255', 'dhcp', '192.168.0.2'),
      mac: some('02:00:00:00:00:01', '00:00:00:00:00:00', 'AA:BB:CC:DD:EE:FE'),
      listen: fc.array(some('0.0.0.0:5000', '[::]:1', '5000', ':0', 'host:5'), {
        minLength: 1,
        maxLength: 2,
      }),
    });
    const rack = fc.record({
      network: some('10.0.0.0/8', 'dhcp', '10.0.0.0/24', '10.0.0.0/30', '127.0.0.0/8'),
      gateway: some('10.0.0.1', '10.0.0.2', '192.168.255.254'),
      dns: fc.array(host, { maxLength: 2 }),
      ntp: fc.array(host, { maxLength: 2 }),
      domain: some('rack.mesh', 'a..b', 'x-', 'mesh'),
      apps: fc.dictionary(fc.constant('meshnet-echo'), fc.record({ args: fc.array(word, { maxLength: 3 }) })),
    });
    const contents = await readContents(folder);
    const { description } = rackFiles(folder);
    let accepted = 0;
    const property = fc.asyncProperty(rack, node1, async (rest, entry) => {
      const boards = { node1: entry };
      const text = stringify({ ...rest, boards, manager: `${'a'.repeat(64)}@10.0.0.9:5999` });
      const read = await describeRack(text, description).catch((error: unknown) => {
        if (error instanceof InvalidFile) return undefined;
        throw error;
      });
      if (read === undefined) return;
      accepted++;
      const settings = boardSettings({ ...contents, rack: read.rack }, 'node1');
      expect(readBoardFile(formatBoardFile(settings))).toEqual(settings);
    });
    await fc.assert(property, { numRuns: 300 });
    expect(accepted).toBeGreaterThan(10);
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
