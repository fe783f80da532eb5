import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enrol } from '../../../image/rack/enrol.ts';
import { boardKeyFile, hostKeyFile, rackFiles } from '../../../image/rack/files.ts';
import { inspectRack } from '../../../image/rack/inspect.ts';
import { addBoards, readRack, removeBoard, replaceBoard } from '../../../image/rack/rack.ts';
import { readDescription } from '../../../image/rack/read.ts';
import { readIdentity } from '../../../services/net/key-file.ts';
import { Identity } from '../../../services/net/keys.ts';
import { publicLineOf } from '../../../services/net/ssh/host-key.ts';
import { filesIn, lockOfRack, PASSPHRASE, passphrase, RackShelf, rewrite } from './a-rack.ts';

let shelf: RackShelf;
let enrolled: string;
beforeAll(async () => {
  shelf = await RackShelf.make();
  enrolled = await shelf.create(2);
  await enrol(enrolled, passphrase);
}, 120_000);
afterAll(() => shelf.remove());

const add = (folder: string, board: string) => addBoards(folder, PASSPHRASE, [{ board }]);

describe('a board that is added', () => {
  it('stands in rack.yaml with the next free address, beside all that stood there', async () => {
    const folder = await shelf.copy(enrolled);
    const before = await readFile(rackFiles(folder).description, 'utf8');
    await addBoards(folder, PASSPHRASE, [{ board: 'attic', roles: ['node', 'gateway'] }]);
    const line = '  attic: {address: 192.168.0.4, roles: [node, gateway]}\n';
    const text = await readFile(rackFiles(folder).description, 'utf8');
    expect(text.replace(line, '')).toBe(before);
    expect((await readRack(folder)).members.map(({ board }) => board)).toEqual(['attic', 'node1', 'node2']);
    expect((await inspectRack(folder)).problems).toEqual([]);
  });

  it('has the roles of rack.yaml when it stands there already', async () => {
    const folder = await shelf.copy(enrolled);
    await rewrite(
      folder,
      'boards:\n',
      'boards:\n  roof: {address: 192.168.0.77, roles: [node, apptracker]}\n',
    );
    await expect(addBoards(folder, PASSPHRASE, [{ board: 'roof', roles: ['node'] }])).rejects.toThrow(
      'rack.yaml has roof already',
    );
    const { added } = await add(folder, 'roof');
    expect(added[0]?.member.roles).toEqual(['node', 'apptracker']);
    expect((await lockOfRack(folder)).boards.roof.address).toBe('192.168.0.77');
  });

  it('is refused an address that is taken, and nothing is changed', async () => {
    const folder = await shelf.copy(enrolled);
    const before = await filesIn(folder);
    const wanted = { board: 'roof', address: '192.168.0.3' };
    await expect(addBoards(folder, PASSPHRASE, [wanted])).rejects.toThrow(
      /rack\.yaml:\d+:\d+: .* is that of node2/,
    );
    expect(await filesIn(folder)).toEqual(before);
  });
});

describe('a board that brings its own key', () => {
  it('has no host key here, not even one that another board of its name left behind', async () => {
    const folder = await shelf.copy(enrolled);
    await cp(hostKeyFile(folder, 'node2'), hostKeyFile(folder, 'roof'));
    const key = Identity.generate().publicKey;
    await addBoards(folder, PASSPHRASE, [{ board: 'roof', key }]);
    const roof = { identity: key, roles: ['node'], address: '192.168.0.4' };
    expect((await lockOfRack(folder)).boards.roof).toEqual(roof);
  });
});

describe('a board that is removed', () => {
  it('stands neither in rack.yaml nor in the list nor in what follows from them', async () => {
    const folder = await shelf.copy(enrolled);
    const before = await filesIn(folder);
    await add(folder, 'node3');
    await rewrite(
      folder,
      'manager: node1\n',
      'manager: node1\napps: {meshnet-echo: {boards: [node2, node3]}}\n',
    );
    await removeBoard(folder, PASSPHRASE, 'node3');
    expect((await readDescription(folder)).apps.get('meshnet-echo')?.boards).toEqual(['node2']);
    await rewrite(folder, 'apps: {meshnet-echo: {boards: [node2]}}\n', '');
    expect((await readRack(folder)).number).toBe(4);
    const after = await filesIn(folder);
    for (const changed of ['members', 'rack.lock.yaml', 'ssh_config']) {
      expect(after.get(changed), changed).not.toContain('node3');
      before.delete(changed);
      after.delete(changed);
    }
    expect(after).toEqual(before);
  });

  it('may be one that was never on a list', async () => {
    const folder = await shelf.copy(enrolled);
    await rewrite(folder, 'boards:\n', 'boards:\n  # On the roof.\n  roof: {address: dhcp}\n');
    expect(await removeBoard(folder, PASSPHRASE, 'roof')).toMatchObject({ membership: { number: 2 } });
    expect((await readDescription(folder)).boards.has('roof')).toBe(false);
  });

  it('is not the manager', async () => {
    const folder = await shelf.copy(enrolled);
    await expect(removeBoard(folder, PASSPHRASE, 'node1')).rejects.toThrow(
      'name another one in rack.yaml first',
    );
    expect((await readRack(folder)).number).toBe(2);
  });
});

describe('a board that is replaced', () => {
  it('has other keys under the same name', async () => {
    const folder = await shelf.copy(enrolled);
    const before = await lockOfRack(folder);
    const { membership, added } = await replaceBoard(folder, PASSPHRASE, 'node2');
    const after = await lockOfRack(folder);
    expect(membership.number).toBe(3);
    expect(after.boards.node1).toEqual(before.boards.node1);
    expect(after.boards.node2).toMatchObject({ address: '192.168.0.3', identity: added.member.key });
    expect(after.boards.node2.identity).not.toBe(before.boards.node2.identity);
    expect(after.boards.node2.ssh_host_key).not.toBe(before.boards.node2.ssh_host_key);
    expect((await readIdentity(boardKeyFile(folder, 'node2')))?.publicKey).toBe(added.member.key);
    expect(publicLineOf(await readFile(hostKeyFile(folder, 'node2'), 'utf8'))).toBe(
      after.boards.node2.ssh_host_key,
    );
  });

  it('must be there', async () => {
    await expect(replaceBoard(enrolled, PASSPHRASE, 'node7')).rejects.toThrow('there is no board node7');
  });
});

describe('a change that is cut short', () => {
  /** In the order in which a change writes; what it does not change is the same before and after. */
  const order = (board: string) => [
    ...['rack.yaml', 'members', `boards/${board}.ssh_host_ed25519_key`, `boards/${board}.key`],
    ...['rack.lock.yaml', 'known_hosts', 'ssh_config'],
  ];

  const NEXT = ['ssh_host_ed25519_key', 'key'];

  async function write(folder: string, file: string, text: string | undefined): Promise<void> {
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    if (text === undefined) await rm(path, { force: true });
    else await writeFile(path, text, { mode: 0o600 });
  }

  /** The folder as it is when the power goes after so many of the writes. */
  async function cutAfter(count: number, board: string, after: Map<string, string>): Promise<string> {
    const folder = await shelf.copy(enrolled);
    const keys = NEXT.map((kind) => `boards/${board}.${kind}`);
    const writes: (() => Promise<void>)[] = [
      ...NEXT.map(
        (kind, at) => () => write(folder, `boards/${board}.next.${kind}`, after.get(keys[at] ?? '')),
      ),
      ...order(board).map((file) => async () => {
        await write(folder, file, after.get(file));
        if (keys.includes(file)) await write(folder, file.replace(board, `${board}.next`), undefined);
      }),
    ];
    for (const next of writes.slice(0, count)) await next();
    return folder;
  }

  it.each([
    ['adding', 'node3', (folder: string) => add(folder, 'node3')],
    ['replacing', 'node2', (folder: string) => replaceBoard(folder, PASSPHRASE, 'node2')],
  ])('while %s, leaves a folder that works, wherever it is', async (_, board, change) => {
    const whole = await shelf.copy(enrolled);
    await change(whole);
    const after = await filesIn(whole);
    const numbers: number[] = [];
    for (let count = 0; count <= order(board).length + NEXT.length; count++) {
      const folder = await cutAfter(count, board, after);
      numbers.push((await readRack(folder)).number);
      expect((await inspectRack(folder)).problems, `after ${count} writes`).toEqual([]);
      const { membership } = await enrol(folder, passphrase);
      for (const member of membership.members)
        expect((await readIdentity(boardKeyFile(folder, member.board)))?.publicKey).toBe(member.key);
      expect(await inspectRack(folder)).toMatchObject({ problems: [], fine: { length: 3 } });
      expect([...(await filesIn(folder)).keys()].filter((name) => name.includes('.next'))).toEqual([]);
    }
    expect(numbers).toEqual(numbers.toSorted());
    expect(new Set(numbers)).toEqual(new Set([2, 3]));
  });
});
