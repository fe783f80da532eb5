import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBoardFile } from '../../../image/board-settings/text.ts';
import { run } from '../../../image/run.ts';
import { makeCard, PLACES } from '../../image-unit/provision/card.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'provision-command-'));
  await makeCard(join(home, 'common.img'));
  await writeFile(join(home, 'secret'), 'correct horse battery\n', { mode: 0o600 });
  const unlocked = ['--passphrase-file', 'secret'];
  expect(skyminer('rack', 'init', '--boards', '2', ...unlocked).status).toBe(0);
  expect(skyminer('rack', 'sign', ...unlocked).status).toBe(0);
}, 120_000);

afterAll(() => rm(home, { recursive: true }));

describe('skyminer provision', () => {
  it('makes the image of a card of what the rack says, and moves the secret keys to it', async () => {
    const identity = await readFile(join(home, 'rack/boards/node1.key'), 'utf8');
    const hostKey = await readFile(join(home, 'rack/boards/node1.ssh_host_ed25519_key'), 'utf8');
    const { status, stdout, stderr } = skyminer('provision', 'common.img', '--board', 'node1');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('node1.img: the card of node1, 192.168.0.2/24');
    const card = join(home, 'node1.img');
    expect((await stat(card)).mode & 0o777).toBe(0o600);
    const file = await run('mtype', ['-i', `${card}@@${PLACES.boot.at}`, '::board.yaml']);
    expect(readBoardFile(file.stdout)).toMatchObject({
      board: 'node1',
      network: { address: '192.168.0.2/24' },
    });
    const data = `${card}?offset=${PLACES.data.at}`;
    expect((await run('debugfs', ['-R', 'cat /skyminer/identity.key', data])).stdout).toBe(identity);
    const host = await run('debugfs', ['-R', 'cat /ssh/host/ssh_host_ed25519_key', data]);
    expect(host.stdout).toBe(hostKey);
    const left = await readdir(join(home, 'rack/boards'));
    expect(left.filter((name) => name.startsWith('node1'))).toEqual([]);
    const known = await readFile(join(home, 'rack/known_hosts'), 'utf8');
    const publicHalf = await run('debugfs', ['-R', 'cat /ssh/host/ssh_host_ed25519_key.pub', data]);
    expect(known).toContain(publicHalf.stdout.split(' ')[1]?.trim());
  });

  it('says what to do when it cannot', async () => {
    const complaint = (...words: string[]) => {
      const { status, stderr } = skyminer('provision', ...words);
      expect(status).toBe(1);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      return stderr;
    };
    expect(complaint('common.img', '--board', 'node1')).toContain("'skyminer rack replace node1'");
    expect(complaint('common.img', '--board', 'node7')).toContain('has no board node7');
    expect(complaint('common.img', '--board', 'node2', '--out', 'secret')).toContain('--force');
    expect(complaint('common.img', '--board', 'node2', '--rack', 'nowhere')).toContain("'skyminer rack init");
    expect(complaint('nothing.img', '--board', 'node2', '--out', 'x.img')).toContain('nothing.img');
    expect((await readdir(home)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('leaves the keys where they are when it is told to', async () => {
    expect(skyminer('provision', 'common.img', '--board', 'node2', '--keep-keys').status).toBe(0);
    const again = skyminer('provision', 'common.img', '--board', 'node2', '--keep-keys', '--force');
    expect(again.status).toBe(0);
    expect(await readdir(join(home, 'rack/boards'))).toContain('node2.key');
  });
});

function skyminer(...words: string[]) {
  const env = { ...process.env, HOME: home };
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8', input: '', cwd: home, env });
}
