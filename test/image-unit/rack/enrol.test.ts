import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrol } from '../../../image/rack/enrol.ts';
import { boardKeyFile, hostKeyFile, rackFiles } from '../../../image/rack/files.ts';
import { readRack } from '../../../image/rack/rack.ts';
import { readIdentity } from '../../../services/net/key-file.ts';
import { publicLineOf } from '../../../services/net/ssh/host-key.ts';
import { filesIn, lockOfRack, noPassphrase, PASSPHRASE, passphrase, RackShelf, rewrite } from './a-rack.ts';

let shelf: RackShelf;
let fresh: string;
let enrolled: string;
beforeAll(async () => {
  shelf = await RackShelf.make();
  fresh = await shelf.create(3);
  enrolled = await shelf.copy(fresh);
  await enrol(enrolled, passphrase);
}, 120_000);
afterAll(() => shelf.remove());

describe('enrolling the boards of rack.yaml', () => {
  it('makes keys for all of them and one list', async () => {
    const { number, members } = await readRack(enrolled);
    expect(number).toBe(2);
    expect(members.map(({ board, roles }) => [board, roles])).toEqual([
      ['node1', ['node', 'manager', 'apptracker']],
      ['node2', ['node']],
      ['node3', ['node']],
    ]);
    const { boards } = await lockOfRack(enrolled);
    for (const { board, key } of members) {
      expect((await readIdentity(boardKeyFile(enrolled, board)))?.publicKey).toBe(key);
      const hostKey = hostKeyFile(enrolled, board);
      expect((await stat(hostKey)).mode & 0o777).toBe(0o600);
      expect(boards[board]).toMatchObject({
        identity: key,
        ssh_host_key: publicLineOf(await readFile(hostKey, 'utf8')),
      });
    }
    expect(boards.node3.address).toBe('192.168.0.4');
  });

  it('says what it did, and nothing the second time, without a passphrase', async () => {
    const folder = await shelf.copy(fresh);
    const { added, membership } = await enrol(folder, passphrase);
    expect(added.map(({ member, keyFile }) => [member.board, keyFile])).toEqual(
      ['node1', 'node2', 'node3'].map((board) => [board, boardKeyFile(folder, board)]),
    );
    const before = await filesIn(folder);
    expect(await enrol(folder, noPassphrase)).toEqual({ membership, added: [], changed: [] });
    expect(await filesIn(folder)).toEqual(before);
  });

  it('signs other roles, with the keys that boards have', async () => {
    const folder = await shelf.copy(enrolled);
    await rewrite(folder, /(node3: .*)roles: \[node\]/, '$1roles: [gateway, node]');
    const before = await readRack(folder);
    const { membership, changed, added } = await enrol(folder, passphrase);
    expect([membership.number, added]).toEqual([3, []]);
    expect(changed).toEqual([{ ...before.members[2], roles: ['node', 'gateway'] }]);
  });

  it('keeps the host keys of boards whose secret keys are on their cards', async () => {
    const folder = await shelf.copy(enrolled);
    const { boards } = await lockOfRack(folder);
    await rm(`${folder}/boards`, { recursive: true });
    await rewrite(folder, '192.168.0.4', '192.168.0.40');
    await enrol(folder, noPassphrase);
    expect((await lockOfRack(folder)).boards).toEqual({
      ...boards,
      node3: { ...boards.node3, address: '192.168.0.40' },
    });
    expect(await readFile(rackFiles(folder).sshConfig, 'utf8')).toContain('HostName 192.168.0.40\n');
  });

  it('makes a host key for a board that was added before there were any', async () => {
    const folder = await shelf.copy(enrolled);
    await rm(hostKeyFile(folder, 'node2'));
    await rm(rackFiles(folder).lock);
    await rm(rackFiles(folder).backupKey);
    await enrol(folder, noPassphrase);
    const { ssh_host_key } = (await lockOfRack(folder)).boards.node2;
    expect(publicLineOf(await readFile(hostKeyFile(folder, 'node2'), 'utf8'))).toBe(ssh_host_key);
  });

  it('changes nothing when rack.yaml is wrong or missing, or the passphrase is', async () => {
    const folder = await shelf.copy(fresh);
    const before = await filesIn(folder);
    await expect(enrol(folder, async () => 'another one')).rejects.toThrow('does not open');
    expect(await filesIn(folder)).toEqual(before);
    await rewrite(folder, 'manager: node1', 'manager: node4');
    await expect(enrol(folder, passphrase)).rejects.toThrow('names "node4"');
    await rm(rackFiles(folder).description);
    await expect(enrol(folder, passphrase)).rejects.toThrow('rack.yaml is missing: put it back');
    before.delete('rack.yaml');
    expect(await filesIn(folder)).toEqual(before);
  });

  it('refuses to go on when somebody has exchanged the key for backups', async () => {
    const folder = await shelf.copy(fresh);
    const { backupKey } = rackFiles(folder);
    await writeFile(backupKey, `${'a'.repeat(64)}\n`);
    await expect(enrol(folder, passphrase)).rejects.toThrow('somebody has exchanged it');
    expect((await readRack(folder)).number).toBe(1);
    await rm(backupKey);
    expect((await enrol(folder, async () => PASSPHRASE)).membership.number).toBe(2);
    expect(await readFile(backupKey, 'utf8')).toBe(await readFile(rackFiles(fresh).backupKey, 'utf8'));
  });

  it('gives two that enrol at the same time one list', async () => {
    const folder = await shelf.copy(fresh);
    const both = await Promise.all([enrol(folder, passphrase), enrol(folder, passphrase)]);
    expect(both.map(({ added }) => added.length).sort()).toEqual([0, 3]);
    expect(both.map(({ membership }) => membership.number)).toEqual([2, 2]);
  });
});
