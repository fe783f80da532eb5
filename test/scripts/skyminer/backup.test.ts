import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeBackup } from '../../../image/backup/make.ts';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { boardSettings, readContents } from '../../../image/rack/board-settings.ts';
import { enrol } from '../../../image/rack/enrol.ts';
import { boardKeyFile, hostKeyFile, rackFiles } from '../../../image/rack/files.ts';
import { addBoards, replaceBoard } from '../../../image/rack/rack.ts';
import { run } from '../../../image/run.ts';
import { hashPassphrase } from '../../../services/net/passphrase.ts';
import { makeCard, PLACES } from '../../image-unit/provision/card.ts';
import { PASSPHRASE, passphrase, RackShelf } from '../../image-unit/rack/a-rack.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');
const CONFIG = 'apps: {}\n';

let shelf: RackShelf;
let home: string;
let folder: string;
let consolePassphrase: string;
let backup: string;

beforeAll(async () => {
  shelf = await RackShelf.make();
  home = await mkdtemp(join(tmpdir(), 'backup-'));
  folder = await shelf.create(2);
  await enrol(folder, passphrase);
  await addBoards(folder, PASSPHRASE, [{ board: 'node3' }]);
  await writeFile(join(home, 'passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 });
  await writeFile(join(home, 'wrong'), 'another passphrase\n', { mode: 0o600 });
  await makeCard(join(home, 'common.img'));
  consolePassphrase = await hashPassphrase('a long passphrase', { N: 2 ** 14, r: 8, p: 1 });
  backup = await backupOf('node3');
  await writeFile(join(home, 'node3.backup'), backup);
}, 120_000);

afterAll(async () => {
  await shelf.remove();
  await rm(home, { recursive: true });
});

/** As its board makes it. */
async function backupOf(board: string): Promise<string> {
  const handed = join(home, `handed by ${board}`);
  await mkdir(handed, { recursive: true });
  const contents = await readContents(folder);
  const files = {
    'identity.key': await readFile(boardKeyFile(folder, board), 'utf8'),
    ssh_host_ed25519_key: await readFile(hostKeyFile(folder, board), 'utf8'),
    rack: contents.membership.rack,
    members: contents.members,
    'mesh.yaml': `board: ${board}\nmanager: 192.168.0.2:5999\n`,
    backup_key: `${contents.backupKey}\n`,
    console_passphrase: consolePassphrase,
    'board.yaml': formatBoardFile(boardSettings(contents, board)),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(handed, name), text);
  return makeBackup(handed, { config: CONFIG, image: '0.5.0' });
}

function skyminer(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    ...({ encoding: 'utf8', input: '', cwd: home } as const),
  });
  return { status, stdout, stderr };
}

function restore(file: string, { board = 'node3', out = 'card.img', more = [] as string[] } = {}) {
  const words = ['--rack', folder, '--image', 'common.img', '--out', out, '--passphrase-file'];
  return skyminer('restore', board, file, ...words, ...(more.length > 0 ? more : ['passphrase']));
}

async function onData(path: string): Promise<string> {
  const place = `./card.img?offset=${PLACES.data.at}`;
  return (await run('debugfs', ['-R', `cat ${path}`, place], { cwd: home })).stdout;
}

describe('skyminer restore', () => {
  it('makes the card that the backup was made of: keys, board file, config and passphrase', async () => {
    const { status, stdout } = restore('node3.backup');
    expect(stdout).toMatch(/^card\.img: the card of node3 as it was on 20.*; it holds secret keys\n$/);
    expect(status).toBe(0);
    expect((await stat(join(home, 'card.img'))).mode & 0o777).toBe(0o600);
    expect(await onData('/skyminer/identity.key')).toBe(
      await readFile(boardKeyFile(folder, 'node3'), 'utf8'),
    );
    expect(await onData('/ssh/host/ssh_host_ed25519_key')).toBe(
      await readFile(hostKeyFile(folder, 'node3'), 'utf8'),
    );
    expect(await onData('/viscript/config.yaml')).toBe(CONFIG);
    expect(await onData('/console/passphrase')).toBe(consolePassphrase);
    const board = await run('mtype', ['-i', `${join(home, 'card.img')}@@${PLACES.boot.at}`, '::board.yaml']);
    expect(readBoardFile(board.stdout)).toEqual(boardSettings(await readContents(folder), 'node3'));
    expect(restore('node3.backup').stderr).toMatch(/card\.img is there already/);
  });

  it('gives the card the newest list, whatever the backup has', async () => {
    await addBoards(folder, PASSPHRASE, [{ board: 'node4' }]);
    expect(restore('node3.backup', { more: ['passphrase', '--force'] }).status).toBe(0);
    const board = await run('mtype', ['-i', `${join(home, 'card.img')}@@${PLACES.boot.at}`, '::board.yaml']);
    const { members } = await readContents(folder);
    expect(readBoardFile(board.stdout)?.mesh?.members).toBe(members);
    expect(await readFile(rackFiles(folder).members, 'utf8')).toBe(members);
  });

  it.each([
    ['of another board', 'node4', undefined, /this is a backup of node3, not of node4/],
    ['that was altered', 'node3', 'node3 0', /the signature is not that of its board/],
    ['that is cut off', 'node3', 'cut', /does not end with its signature/],
    ['that is something else', 'node3', 'passphrase', /this is no backup of a board/],
    ['that is not there', 'node3', 'nowhere', /nowhere: ENOENT/],
  ])('refuses one %s', async (_, board, file = 'node3.backup', why) => {
    await writeFile(join(home, 'node3 0'), backup.replace('0.5.0', '0.6.0'));
    await writeFile(join(home, 'cut'), backup.slice(0, -5));
    const { status, stdout, stderr } = restore(file, { board, out: 'other.img' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(why);
    await expect(stat(join(home, 'other.img'))).rejects.toThrow('ENOENT');
  });

  it('refuses a wrong passphrase', () => {
    const { status, stderr } = restore('node3.backup', { out: 'other.img', more: ['wrong'] });
    expect(stderr).toMatch(/the passphrase does not open this key/);
    expect(status).toBe(1);
  });

  it('refuses a backup of another rack, and one of before the board was replaced', async () => {
    const other = await shelf.create(1);
    const words = ['--image', 'common.img', '--out', 'other.img', '--passphrase-file', 'passphrase'];
    const foreign = skyminer('restore', 'node3', 'node3.backup', '--rack', other, ...words);
    expect(foreign.stderr).toMatch(/this is a backup of another rack/);
    await replaceBoard(folder, PASSPHRASE, 'node3');
    expect(restore('node3.backup', { out: 'other.img' }).stderr).toMatch(
      /was made before node3 was replaced: list number \d+ has another key of it/,
    );
  });
});

describe('skyminer backup', () => {
  it('says why it has none of a board that cannot be reached, and keeps nothing', async () => {
    await writeFile(join(home, 'config'), 'Host node*\n  HostName 127.0.0.1\n  Port 1\n  LogLevel ERROR\n');
    const { status, stderr } = skyminer(
      'backup',
      'node2',
      '--rack',
      folder,
      '--ssh-config',
      'config',
      '--out',
      'new',
    );
    expect(stderr).toMatch(/^skyminer: node2 gives no backup: ssh: .*Connection refused/);
    expect(status).toBe(1);
    await expect(stat(join(home, 'new'))).rejects.toThrow('ENOENT');
  });
});
