import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readIdentity } from '../../../services/net/key-file.ts';
import { Identity, parsePublicKey } from '../../../services/net/keys.ts';
import { readMembership } from '../../../services/net/membership.ts';
import { openSealedIdentity } from '../../../services/net/sealed-key.ts';
import { publicLineOf } from '../../../services/net/ssh/host-key.ts';
import { makeKeyCheap } from '../../image-unit/rack/cheap-key.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { PtyProgram } from '../../services/viscript/terminal/pty-program.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');
const PASSPHRASE = 'correct horse battery';

let home: string;
let folder: string;
let secret: string;

/** Runs `skyminer rack` in a folder of the test's own. */
function rack(...words: string[]): SpawnSyncReturns<string> {
  const env = { ...process.env, HOME: home };
  return spawnSync(process.execPath, [main, 'rack', ...words], {
    encoding: 'utf8',
    input: '',
    cwd: home,
    env,
  });
}

function unlocked(...words: string[]): SpawnSyncReturns<string> {
  return rack(...words, '--passphrase-file', secret);
}

/** What refuses says so in one line, and with status 1. */
function complaint({ status, stdout, stderr }: SpawnSyncReturns<string>): string {
  expect(stdout).toBe('');
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(status).toBe(1);
  return stderr;
}

async function textsIn(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const texts = names.map(async ({ parentPath, name }) => [
    name,
    await readFile(join(parentPath, name), 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(texts));
}

async function membership() {
  const key = parsePublicKey((await readFile(join(folder, 'rack.pub'), 'utf8')).trimEnd());
  return readMembership(await readFile(join(folder, 'members'), 'utf8'), key);
}

async function makeHome(): Promise<void> {
  home = await mkdtemp(join(tmpdir(), 'rack é '));
  folder = join(home, 'rack');
  secret = join(home, 'passphrase');
  await writeFile(secret, `${PASSPHRASE}\n`, { mode: 0o600 });
}

const removeHome = () => rm(home, { recursive: true });

describe('skyminer rack init', () => {
  beforeEach(makeHome);
  afterEach(removeHome);

  it('makes a key under a passphrase and a first list, empty and signed', async () => {
    const { status, stdout } = unlocked('init');
    expect(status).toBe(0);
    const { rack: key, number, members } = await membership();
    expect(stdout).toContain(key);
    expect({ number, members }).toEqual({ number: 1, members: [] });
    const identity = await openSealedIdentity(await readFile(join(folder, 'rack.key'), 'utf8'), PASSPHRASE);
    expect(identity.publicKey).toBe(key);
    expect((await stat(join(folder, 'rack.key'))).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual(['passphrase', 'rack']);
  });

  it('takes the passphrase from a file descriptor too', () => {
    const words = [main, 'rack', 'init', '--passphrase-fd', '3'];
    const stdio = ['ignore', 'pipe', 'pipe', openSync(secret, 'r')] as const;
    expect(spawnSync(process.execPath, words, { cwd: home, stdio: [...stdio] }).status).toBe(0);
    expect(unlocked('add', 'board1').status).toBe(0);
  });

  it('never overwrites what is there', async () => {
    unlocked('init');
    const before = await textsIn(folder);
    expect(complaint(unlocked('init'))).toContain('is there already');
    expect(complaint(unlocked('init', '--rack', secret))).toContain('is there already');
    expect(await textsIn(folder)).toEqual(before);
  });

  it.each([
    { text: 'short\n', advice: 'at least 8 characters' },
    { text: '\nsecond line\n', advice: 'no passphrase' },
    { text: 'x'.repeat(2000), advice: 'no passphrase' },
  ])('refuses a passphrase that is none ($advice) and makes nothing', async ({ text, advice }) => {
    await writeFile(secret, text);
    expect(complaint(unlocked('init'))).toContain(advice);
    expect(await readdir(home)).toEqual(['passphrase']);
  });

  it('refuses a passphrase that others can read, and one that nobody can be asked for', async () => {
    await chmod(secret, 0o644);
    expect(complaint(unlocked('init'))).toContain('chmod 600');
    expect(complaint(rack('init'))).toContain('--passphrase-file');
    expect(complaint(rack('init', '--passphrase-file', 'nosuch'))).toContain('nosuch');
  });

  it('knows no way to give the passphrase as an argument', () => {
    expect(rack('init', '--passphrase', PASSPHRASE).status).toBe(2);
  });
});

describe.skipIf(!hasSocat)('skyminer rack on a terminal (needs socat)', () => {
  beforeEach(makeHome);
  afterEach(removeHome);

  const start = (words: string) =>
    PtyProgram.start(`cd "$HOME_OF_TEST"; "$NODE" "$MAIN" rack ${words}; echo "status $?"; stty -a`, {
      ...{ HOME_OF_TEST: home, NODE: process.execPath, MAIN: main },
    });

  it('asks twice for a new passphrase, shows nothing of it, and leaves the terminal as it was', async () => {
    await using program = await start('init');
    await program.transcript.waitFor(/New passphrase/);
    program.type(`${PASSPHRASE}xy\x7f\x7f\r`);
    await program.transcript.waitFor(/Once more: /);
    program.type(`${PASSPHRASE}\r`);
    const rest = await program.transcript.waitFor(/status 0\r\n.* icanon.* echo /s);
    expect(rest).not.toContain('correct');
    expect(unlocked('add', 'board1').status).toBe(0);
  });

  it('takes both answers at once, as a paste has them', async () => {
    await using program = await start('init');
    await program.transcript.waitFor(/New passphrase/);
    program.type(`${PASSPHRASE}\r${PASSPHRASE}\r`);
    await program.transcript.waitFor(/status 0/);
  });

  it('makes nothing of two that differ, or of Ctrl-C', async () => {
    await using differing = await start('init');
    await differing.transcript.waitFor(/New passphrase/);
    differing.type('one of them\rthe other one\r');
    await differing.transcript.waitFor(/not the same.*status 1/s);
    await using left = await start('init');
    await left.transcript.waitFor(/New passphrase/);
    left.type('one\x03');
    await left.transcript.waitFor(/nothing was done.*status 1.* icanon.* echo /s);
    expect(await readdir(home)).toEqual(['passphrase']);
  });
});

describe('the list of a rack', () => {
  beforeAll(async () => {
    await makeHome();
    unlocked('init');
    await makeKeyCheap(folder, PASSPHRASE);
    await rename(folder, `${folder}.fresh`);
  }, 120_000);
  beforeEach(() => spawnSync('cp', ['-a', `${folder}.fresh`, folder]));
  afterEach(() => rm(folder, { recursive: true }));
  afterAll(removeHome);

  it('gets a board with a key made for its card, for its owner alone', async () => {
    const { status, stdout } = unlocked('add', 'board1', '--role', 'manager,node');
    expect(status).toBe(0);
    const file = join(folder, 'boards/board1.key');
    expect(stdout).toContain('rack/boards/board1.key');
    const key = (await readIdentity(file))?.publicKey;
    const { number, members } = await membership();
    expect(number).toBe(2);
    expect(members).toEqual([{ board: 'board1', key, roles: ['node', 'manager'] }]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(stdout).not.toContain((await readFile(file, 'utf8')).slice(0, 64));
  });

  it('gets boards by their public key, by a file of it, and by an identity key', async () => {
    const [first, second, third] = [Identity.generate(), Identity.generate(), Identity.generate()];
    await writeFile(join(home, 'public'), `${second.publicKey}\n`);
    await writeFile(join(home, 'identity'), `${third.secretKey.toString('hex')}\n`, { mode: 0o600 });
    unlocked('add', 'b1', '--key', first.publicKey.toUpperCase());
    unlocked('add', 'b2', '--key-file', 'public');
    unlocked('add', 'b3', '--key-file', 'identity');
    const { number, members } = await membership();
    expect(number).toBe(4);
    expect(members.map(({ key }) => key)).toEqual([first.publicKey, second.publicKey, third.publicKey]);
    expect(await readdir(folder)).not.toContain('boards');
  });

  it('loses a board, and the key made for it, with the next number', async () => {
    unlocked('add', 'board1');
    unlocked('add', 'board2');
    const { status, stdout } = unlocked('remove', 'board1');
    expect(status).toBe(0);
    expect(stdout).toMatch(/number 4: removed board1 [0-9a-f]{64}/);
    expect((await membership()).members.map(({ board }) => board)).toEqual(['board2']);
    expect(await readdir(join(folder, 'boards'))).toEqual(['board2.key', 'board2.ssh_host_ed25519_key']);
  });

  it('is shown for people and as JSON, without a passphrase', async () => {
    expect(rack('list').stdout).toContain('list number 1, 0 boards');
    unlocked('add', 'board1', '--role', 'node,gateway');
    expect(rack('list').stdout).toMatch(/BOARD +ROLES +KEY\nboard1 +node,gateway +[0-9a-f]{64}\n/);
    expect(JSON.parse(rack('list', '--json').stdout)).toEqual(await membership());
  });

  it('has its public keys in rack.lock.yaml, and no secret one', async () => {
    unlocked('add', 'board1');
    const { rack: key, members } = await membership();
    const text = await readFile(join(folder, 'rack.lock.yaml'), 'utf8');
    const hostKey = await readFile(join(folder, 'boards/board1.ssh_host_ed25519_key'), 'utf8');
    const board1 = { identity: members[0]?.key, ssh_host_key: publicLineOf(hostKey), roles: ['node'] };
    expect(parse(text)).toEqual({
      ...{ version: 1, rack: key, number: 2 },
      boards: { board1: { ...board1, address: '192.168.0.10' } },
    });
  });

  it('keeps every change of those made at the same time', async () => {
    const names = ['b1', 'b2', 'b3'];
    const words = (name: string) => [main, 'rack', 'add', name, '--passphrase-file', secret];
    const adding = names.map((name) => once(spawn(process.execPath, words(name), { cwd: home }), 'exit'));
    expect((await Promise.all(adding)).map(([status]) => status)).toEqual([0, 0, 0]);
    const { number, members } = await membership();
    expect(number).toBe(4);
    expect(members.map(({ board }) => board)).toEqual(names);
  });

  it.each([
    { words: ['add', 'board1'], advice: 'belongs to the rack already' },
    { words: ['add', '../board2'], advice: 'is no name for a board' },
    { words: ['add', 'Board2'], advice: 'is no name for a board' },
    { words: ['add', 'board2', '--key', 'abc'], advice: '64 hex digits' },
    { words: ['add', 'board2', '--key', ''], advice: '64 hex digits' },
    { words: ['add', 'board2', '--key-file', 'passphrase'], advice: 'holds no secret key' },
    { words: ['add', 'board2', '--key-file', 'nosuch'], advice: 'nosuch' },
    { words: ['add', 'board2', '--role', 'king'], advice: "no role 'king'" },
    { words: ['remove', 'board2'], advice: 'no board board2' },
    { words: ['list', '--rack', 'nosuch'], advice: "'skyminer rack init --rack nosuch'" },
  ])('is unchanged by $words, answered with one line', async ({ words, advice }) => {
    unlocked('add', 'board1');
    const before = await textsIn(folder);
    expect(complaint(words[0] === 'list' ? rack(...words) : unlocked(...words))).toContain(advice);
    expect(await textsIn(folder)).toEqual(before);
  });

  it('gives no key to two boards', async () => {
    unlocked('add', 'board1');
    const key = (await membership()).members[0]?.key ?? '';
    expect(complaint(unlocked('add', 'board2', '--key', key))).toContain('board1 has this key already');
  });

  it('is unchanged by a wrong passphrase', async () => {
    const before = await textsIn(folder);
    const wrong = join(home, 'wrong');
    await writeFile(wrong, 'incorrect horse\n', { mode: 0o600 });
    expect(complaint(rack('add', 'board1', '--passphrase-file', wrong))).toContain('does not open');
    expect(await textsIn(folder)).toEqual(before);
  });

  it('is refused when somebody else has changed or signed it, or it is older than the lock file', async () => {
    const file = join(folder, 'members');
    const first = await readFile(file, 'utf8');
    unlocked('add', 'board1');
    const second = await readFile(file, 'utf8');
    await writeFile(file, second.replace('member board1', 'member board7'));
    expect(complaint(rack('list'))).toContain('the signature is not that of the rack');
    await writeFile(file, first);
    expect(complaint(rack('list'))).toContain('Put back the newest members');
    await writeFile(file, second);
    await writeFile(join(folder, 'rack.pub'), `${Identity.generate().publicKey}\n`);
    expect(complaint(rack('list'))).toContain('of another rack');
  });

  it('says which file is missing or damaged', async () => {
    await writeFile(join(folder, 'rack.lock.yaml'), 'version: 2\n');
    expect(complaint(rack('list'))).toContain('rack.lock.yaml');
    await rm(join(folder, 'rack.lock.yaml'));
    await rm(join(folder, 'rack.key'));
    expect(complaint(unlocked('add', 'board1'))).toContain('rack.key is missing: put it back');
    await writeFile(join(folder, 'rack.key'), 'nothing\n');
    expect(complaint(unlocked('add', 'board1'))).toContain('rack.key: it is not a text of the form');
  });
});
