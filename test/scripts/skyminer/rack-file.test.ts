import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newHostKey } from '../../../services/net/ssh/host-key.ts';
import { makeKeyCheap } from '../../image-unit/rack/cheap-key.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');
const key = `${newHostKey('').publicLine} ann@laptop`;

let home: string;
let secret: string;

/** Runs `skyminer rack` as a person with a home of its own. */
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

function listed(): unknown {
  const { number, members }: { number: number; members: { board: string; roles: string[] }[] } = JSON.parse(
    rack('list', '--json').stdout,
  );
  return [number, ...members.map(({ board, roles }) => `${board} ${roles.join()}`)];
}

/** What a person sees of a command that failed. */
function complaint({ status, stdout, stderr }: SpawnSyncReturns<string>): string {
  expect([status, stdout]).toEqual([1, '']);
  return stderr;
}

async function rewrite(from: string, to: string): Promise<void> {
  const file = join(home, 'rack/rack.yaml');
  const text = await readFile(file, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
}

/** In the order of a rack's life; each goes on where the one before was. */
describe('a rack in one file', () => {
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'rack file é '));
    secret = join(home, 'passphrase');
    await writeFile(secret, 'correct horse battery\n', { mode: 0o600 });
    await mkdir(join(home, '.ssh'));
    await writeFile(join(home, '.ssh/id_ed25519.pub'), `${key}\n`);
  });
  afterAll(() => rm(home, { recursive: true }));

  it("is begun with eight boards, and with its owner's only SSH key, which it names", async () => {
    const { stdout, status } = unlocked('init');
    expect(status).toBe(0);
    expect(stdout).toContain(`SSH key: ${home}/.ssh/id_ed25519.pub\n`);
    const text = await readFile(join(home, 'rack/rack.yaml'), 'utf8');
    expect(text).toContain(`  - "${key}"\n`);
    expect(text).toContain('  node8: {address: 192.168.0.9, roles: [node]}\n');
    expect((await readdir(join(home, 'rack'))).sort()).toEqual([
      'backup.pub',
      'known_hosts',
      'members',
      'rack.key',
      'rack.lock.yaml',
      'rack.pub',
      'rack.yaml',
      'ssh_config',
    ]);
  });

  it('takes no key when it is not clear which, and takes the file that is named', async () => {
    await writeFile(join(home, '.ssh/id_rsa.pub'), `${key}\n`);
    const several = unlocked('init', '--rack', 'other', '--boards', '2');
    expect(several.stdout).toContain(
      'there are several: id_ed25519.pub, id_rsa.pub; write yours into ssh_keys',
    );
    expect(await readFile(join(home, 'other/rack.yaml'), 'utf8')).toMatch(/ssh_keys: \[\]\n/);
    expect(rack('check', '--rack', 'other').stdout).toContain('rack.yaml: 2 boards in 192.168.0.0/24');
    expect(unlocked('init', '--rack', 'third', '--ssh-key', '.ssh/id_rsa.pub').stdout).toContain(
      'SSH key: .ssh/id_rsa.pub',
    );
    const wrong = unlocked('init', '--rack', 'fourth', '--ssh-key', 'passphrase');
    expect(complaint(wrong)).toContain('passphrase: is no OpenSSH public key');
    expect(await readdir(home)).not.toContain('fourth');
  });

  it.each(['0', '251', 'x'])('is not begun with %s boards', (boards) => {
    expect(unlocked('init', '--rack', 'fifth', '--boards', boards).status).toBe(2);
  });

  it('is told to be in order, and what is left to do', () => {
    const { status, stdout } = rack('check');
    expect(status).toBe(0);
    expect(stdout).toContain('rack.yaml: 8 boards in 192.168.0.0/24, manager node1, 1 SSH key, 0 apps');
    expect(stdout).toContain("without an identity, 'skyminer rack sign' makes them: node1, node2,");
    expect(stdout).toContain('no console_passphrase');
  });

  it('gets keys for all of its boards at once, and one list', async () => {
    await makeKeyCheap(join(home, 'rack'), 'correct horse battery');
    const { stdout } = unlocked('sign');
    expect(stdout.match(/^list number 2: added node\d [0-9a-f]{64} node/gm)).toHaveLength(8);
    expect(listed()).toEqual([
      2,
      'node1 node,manager,apptracker',
      ...[2, 3, 4, 5, 6, 7, 8].map((n) => `node${n} node`),
    ]);
    expect(rack('sign').stdout).toBe('list number 2 says what rack.yaml says\n');
    expect(rack('check').stdout).toContain('rack.lock.yaml, known_hosts, ssh_config: up to date');
  });

  it('gets a ninth board, loses it, and has one replaced', async () => {
    const push = /^boards that run get the list by 'skyminer rack push'$/m;
    const added = unlocked('add', 'node9', '--role', 'gateway').stdout;
    expect(added).toContain('list number 3: added node9');
    expect(added).toMatch(push);
    expect(await readFile(join(home, 'rack/rack.yaml'), 'utf8')).toContain(
      '  node9: {address: 192.168.0.10, roles: [gateway]}\n',
    );
    const removed = unlocked('remove', 'node9').stdout;
    expect(removed).toContain('list number 4: removed node9');
    expect(removed).toMatch(push);
    expect(await readFile(join(home, 'rack/rack.yaml'), 'utf8')).not.toContain('node9');
    const replaced = unlocked('replace', 'node3').stdout;
    expect(replaced).toMatch(/^list number 5: node3 is now [0-9a-f]{64}\nits secret key/);
    expect(replaced).toMatch(push);
    expect(complaint(unlocked('replace', 'node9'))).toContain('there is no board node9');
    expect(complaint(unlocked('remove', 'node1'))).toContain('node1 is the manager of this rack');
    expect(complaint(unlocked('add', 'node9', '--address', '192.168.0.2'))).toMatch(
      /^skyminer: rack\/rack\.yaml:\d+:\d+: boards\.node9\.address 192\.168\.0\.2 is that of node1/,
    );
    expect(rack('check').status).toBe(0);
  });

  it('is told everything that is wrong with it, at once', async () => {
    await rewrite('manager: node1', 'manager: node77');
    await rewrite('gateway: 192.168.0.1', 'gateway: 10.0.0.1');
    await rm(join(home, 'rack/rack.key'));
    await rm(join(home, 'rack/backup.pub'));
    const lines = complaint(rack('check')).trimEnd().split('\n');
    expect(lines).toEqual([
      'skyminer: 4 problems in ./rack',
      expect.stringMatching(
        /^rack\/rack\.yaml:\d+:\d+: gateway 10\.0\.0\.1 is outside of 192\.168\.0\.0\/24$/,
      ),
      expect.stringMatching(
        /^rack\/rack\.yaml:\d+:\d+: manager names "node77", which is no board of this file/,
      ),
      expect.stringContaining('rack.key is missing: put it back'),
      expect.stringContaining("backup.pub is missing: 'skyminer rack sign --rack ./rack' makes it again"),
    ]);
    await rewrite('manager: node77', 'manager: node1');
    await rewrite('gateway: 10.0.0.1', 'gateway: 192.168.0.1');
    await rewrite('  node8: {address: 192.168.0.9, roles: [node]}\n', '');
    expect(complaint(rack('check'))).toContain(
      "rack/members: node8 is a member, and rack/rack.yaml lacks it: 'skyminer rack remove node8'",
    );
  });
});
