import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatBoardFile } from '../../../image/board-settings/text.ts';
import { keyOfInputs } from '../../../image/board-setup/inputs.ts';
import { setUpBoard } from '../../../image/board-setup/setup.ts';
import { run } from '../../../image/run.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { parseConfig } from '../../../services/viscript/config/index.ts';
import { madeUp, SSH_KEY } from '../board-settings/made-up.ts';

const repository = join(import.meta.dirname, '../../..');
const INPUTS = 'usr/lib/viscript/board-inputs';
const { settings, identity, rack } = await madeUp();
const whole = formatBoardFile(settings);
const comments = '# nothing\n';

let root: string;

/** What the initramfs and systemd-tmpfiles have made of a root before. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'board-setup-'));
  const folders = ['etc/systemd/network', 'etc/ssh/authorized_keys.d', 'etc/viscript', 'etc/rauc'];
  for (const folder of [...folders, 'data/system/board', 'data/skyminer', 'data/console'])
    await mkdir(join(root, folder), { recursive: true });
  await put('run/skyminer/name', 'skyminer-abcd\n');
  await put('usr/lib/os-release', 'IMAGE_VERSION=1\n');
  await put(INPUTS, await readFile(join(repository, 'image/rootfs-overlay', INPUTS), 'utf8'));
  await put('usr/lib/viscript/config.yaml', await readFile(join(repository, 'config.yaml'), 'utf8'));
  await put('data/skyminer/identity.key', 'secret\n');
});

afterEach(() => rm(root, { recursive: true }));

describe('the settings of a board', () => {
  it('are all made of its file', async () => {
    expect(await setUp(whole)).toEqual([]);
    expect(await get('etc/hostname')).toBe('node4\n');
    expect(await get('etc/hosts')).toContain('127.0.1.1 node4\n');
    const network = await get('etc/systemd/network/15-board.network');
    expect(network).toContain('[Match]\nMACAddress=02:81:00:12:34:56\n');
    expect(network).toContain(
      'DHCP=no\nAddress=192.168.0.4/24\nGateway=192.168.0.1\nDNS=192.168.0.1\nDNS=2001:db8::53\n',
    );
    expect(network).toContain('NTP=192.168.0.1\nNTP=time.example.org\n');
    for (const user of ['admin', 'viscript'])
      expect(await get(`etc/ssh/authorized_keys.d/${user}`)).toBe(
        settings.sshKeys.map((key) => `${key}\n`).join(''),
      );
    expect(await get('data/console/passphrase')).toBe(`${settings.consolePassphrase}\n`);
    expect((await stat(join(root, 'data/console/passphrase'))).mode & 0o777).toBe(0o600);
    expect(await get('etc/rauc/keyring.pem')).toBe(settings.updateKeys);
    expect(await get('data/skyminer/backup_key')).toBe(`${settings.backupKey}\n`);
    expect(await get('data/skyminer/members')).toBe(settings.mesh?.members);
    expect(JSON.parse((await get('run/skyminer/rack')) ?? '')).toEqual({
      ...{ board: 'node4', domain: 'rack.mesh', rack: rack.publicKey },
    });
    expect(await get('run/skyminer/board')).toBeUndefined();
  });

  it('name the apps that start by themselves, beside the node, with arguments as they are written', async () => {
    await setUp(whole);
    const { apps } = parseConfig((await get('etc/viscript/config.yaml')) ?? '', 'config.yaml');
    const started = [...apps.values()].filter(({ autostart }) => autostart).map(({ name }) => name);
    expect(started.sort()).toEqual(['meshnet-echo', 'meshnet-node', 'meshnet-socks-server']);
    expect(apps.get('meshnet-socks-server')).toMatchObject({
      args: settings.apps['meshnet-socks-server']?.args,
      dependsOn: ['meshnet-node'],
      restart: 'always',
    });
  });

  it('are gone when the file says nothing of them any more, the identity excepted', async () => {
    await setUp(whole);
    expect(await setUp(comments)).toEqual([]);
    expect(await get('etc/hostname')).toBe('skyminer-abcd\n');
    expect(await filesIn('etc')).toEqual(['hostname', 'hosts']);
    expect(await filesIn('data/skyminer')).toEqual(['identity.key']);
    expect(await filesIn('data/console')).toEqual([]);
    expect(await get('run/skyminer/rack')).toBeUndefined();
  });

  it('leave alone what somebody has put on data by hand', async () => {
    await put('data/console/passphrase', 'by hand');
    await put('data/skyminer/backup_key', 'by hand');
    await setUp(`board: node4\nssh_keys: ["${SSH_KEY}"]\n`);
    await setUp(comments);
    expect(await get('data/console/passphrase')).toBe('by hand');
    expect(await get('data/skyminer/backup_key')).toBe('by hand');
  });

  it('are the same, however often and wherever the making of them was cut short', async () => {
    await setUp(whole);
    const made = await snapshot();
    const { settings: other } = await madeUp('node9');
    await setUp(formatBoardFile(other));
    for (const lost of await filesIn('data/system/board')) {
      await rm(join(root, 'data/system/board', lost), { recursive: true, force: true });
      await put('data/system/board/made/new/etc/hostname', 'torn');
      await setUp(whole);
      expect(await snapshot()).toEqual(made);
    }
  });

  it('take the default keys of the image for updates where the file names none', async () => {
    await put('usr/lib/skyminer/update-keys.pem', 'of the image');
    await setUp('board: node4\n');
    expect(await get('etc/rauc/keyring.pem')).toBe('of the image');
  });

  it('replace what is a link on the root by a file, and never what it leads to', async () => {
    await put('usr/lib/skyminer/update-keys.pem', 'of the image');
    await symlink('/usr/lib/skyminer/update-keys.pem', join(root, 'etc/rauc/keyring.pem'));
    await setUp(whole);
    expect(await get('etc/rauc/keyring.pem')).toBe(settings.updateKeys);
    expect(await get('usr/lib/skyminer/update-keys.pem')).toBe('of the image');
  });
});

describe('the list of members on data', () => {
  const list = (number: number) =>
    signMembership(rack, number, [{ board: 'node4', key: identity.publicKey, roles: ['node'] }]);

  it('is replaced by a newer one alone', async () => {
    for (const [there, stays] of [
      [9, true],
      [3, true],
      [2, false],
    ] as const) {
      await put('data/skyminer/members', list(there));
      await setUp(whole);
      expect(await get('data/skyminer/members')).toBe(stays ? list(there) : settings.mesh?.members);
    }
  });

  it('is replaced when it is of another rack, or damaged', async () => {
    const { settings: other } = await madeUp('node4', 99);
    for (const there of [other.mesh?.members ?? '', 'torn']) {
      await put('data/skyminer/members', there);
      await setUp(whole);
      expect(await get('data/skyminer/members')).toBe(settings.mesh?.members);
    }
  });

  it('keeps the mesh from starting when it no longer has the board, and says so', async () => {
    await put('data/skyminer/members', signMembership(rack, 9, []));
    expect(await setUp(whole)).toEqual([]);
    expect(await get('run/skyminer/board')).toMatch(
      /mesh does not start by itself: list number 9 .* has no board node4/,
    );
    const { apps } = parseConfig((await get('etc/viscript/config.yaml')) ?? '', 'config.yaml');
    expect(apps.get('meshnet-node')?.autostart).toBe(false);
    expect(apps.get('meshnet-echo')?.autostart).toBe(true);
  });
});

describe('a board file that cannot be used', () => {
  const broken: [string, string | undefined, RegExp][] = [
    ['missing', undefined, /^board\.yaml: is missing on the partition boot/],
    [
      'changed with its checksum left',
      whole.replace('node4', 'node5'),
      /delete the last line when you have edited/,
    ],
    [
      'wrong',
      'board: node4\nnetwork: {address: x}\nsurprise: 1\n',
      /^board\.yaml:2:20: .*\nboard\.yaml:3:1: unknown/,
    ],
    ['empty', '', /^board\.yaml: is empty/],
    ['cut off where a sector ends', whole.slice(0, 512), /^board\.yaml: is cut off/],
  ];

  it.each(broken)(
    'leaves in force what the last good one said when it is %s, but takes DHCP',
    async (_, text, what) => {
      await setUp(whole);
      const problems = await setUp(text);
      expect(problems.join('\n')).toMatch(what);
      expect(await get('run/skyminer/board')).toBe(problems.map((line) => `${line}\n`).join(''));
      expect(await get('etc/systemd/network/15-board.network')).toBeUndefined();
      expect(await get('etc/hostname')).toBe('node4\n');
      expect(await get('etc/ssh/authorized_keys.d/admin')).toContain(SSH_KEY);
      expect(await get('data/console/passphrase')).toBe(`${settings.consolePassphrase}\n`);
      expect(await get('etc/viscript/config.yaml')).toContain('autostart: true');
      expect(await setUp(whole)).toEqual([]);
      expect(await get('run/skyminer/board')).toBeUndefined();
      expect(await get('etc/systemd/network/15-board.network')).toContain('192.168.0.4');
    },
  );

  it.each(broken.slice(0, 4))(
    'gives a board that never had another one nothing when it is %s',
    async (_, text, what) => {
      expect((await setUp(text)).join('\n')).toMatch(what);
      expect(await filesIn('etc')).toEqual(['hostname', 'hosts']);
      expect(await filesIn('data/console')).toEqual([]);
      expect(await get('etc/hostname')).toBe('skyminer-abcd\n');
    },
  );

  it('is told of in few lines, however much is wrong', async () => {
    await setUp(`board: a\n${Array.from({ length: 40 }, (_, at) => `x${at}: 1\n`).join('')}`);
    expect((await get('run/skyminer/board'))?.trimEnd().split('\n').length).toBeLessThanOrEqual(13);
  });
});

describe('what was made', () => {
  it('is kept under the name that the initramfs gives it, and holds what was laid over the root', async () => {
    await setUp(whole);
    const list = `cd "${root}" && sha256sum $(cat ${INPUTS}) 2>/dev/null | sha256sum`;
    const { stdout } = await run('sh', ['-c', list]);
    const key = stdout.split(' ')[0] ?? '';
    expect(key).toBe(await keyOfInputs(root));
    expect(await readdir(join(root, 'data/system/board/made'))).toEqual([key]);
    const before = await snapshot();
    await rm(join(root, 'etc'), { recursive: true });
    await rm(join(root, 'run/skyminer/rack'));
    await run('cp', ['-a', `${root}/data/system/board/made/${key}/.`, root]);
    expect(await snapshot()).toEqual(before);
  });

  it('has another name as soon as anything differs that it was made of', async () => {
    const keys = new Set<string>();
    await setUp(whole);
    const paths = (await get(INPUTS))?.split('\n').filter(Boolean) ?? [];
    for (const path of paths) {
      keys.add(await keyOfInputs(root));
      await put(path, `other ${path}`);
    }
    keys.add(await keyOfInputs(root));
    expect(keys.size).toBe(paths.length + 1);
  });
});

/** A start of the board with this file on its card. */
async function setUp(text: string | undefined): Promise<string[]> {
  await rm(join(root, 'run/skyminer/board.yaml'), { force: true });
  await rm(join(root, 'run/skyminer/no-board-file'), { force: true });
  if (text === undefined)
    await put('run/skyminer/no-board-file', 'is missing on the partition boot: write it again\n');
  else await put('run/skyminer/board.yaml', text);
  return setUpBoard(root);
}

async function put(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function get(path: string): Promise<string | undefined> {
  const text = await readFile(join(root, path), 'utf8').catch(() => undefined);
  return text;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(join(root, folder).length + 1)).sort();
}

/** All that a start has made, but for how it remembers that. */
async function snapshot(): Promise<Record<string, string | undefined>> {
  const files = [...(await filesIn('etc')).map((file) => `etc/${file}`), 'run/skyminer/rack'];
  const onData = (await filesIn('data')).filter((file) => !file.startsWith('system/'));
  const all = [...files, ...onData.map((file) => `data/${file}`)];
  return Object.fromEntries(await Promise.all(all.map(async (file) => [file, await get(file)])));
}
