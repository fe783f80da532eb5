import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatBoardFile, readBoardFile } from '../../../image/board-settings/text.ts';
import { changedCopy } from '../../../image/provision/card-image.ts';
import { type BoardSecrets, provision } from '../../../image/provision/provision.ts';
import { run } from '../../../image/run.ts';
import { madeUp } from '../board-settings/made-up.ts';
import { makeCard, PLACES } from './card.ts';

const { settings, identity } = await madeUp();
const other = await madeUp('node9');

let folder: string;
let fresh: string;
let card: string;
let secrets: BoardSecrets;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provision-'));
  fresh = join(folder, 'fresh.img');
  await makeCard(fresh);
  secrets = { identity, sshHostKey: await hostKey('one') };
});

afterAll(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  card = join(folder, 'card.img');
  await copyFile(fresh, card);
});

describe('a card that was provisioned', () => {
  it('has the board file on boot, as other tools read it', async () => {
    await provision(card, settings, secrets);
    const listed = await run('mdir', ['-b', '-i', `${card}@@${PLACES.boot.at}`, '::']);
    expect(listed.stdout.trim()).toBe('::/board.yaml');
    const { stdout } = await run('mtype', ['-i', `${card}@@${PLACES.boot.at}`, '::board.yaml']);
    expect(stdout).toBe(formatBoardFile(settings));
    expect(readBoardFile(stdout)).toEqual(settings);
  });

  it('has the secrets on data alone, as files of root that nobody else may read', async () => {
    await provision(card, settings, secrets);
    const files: [string, string, string][] = [
      ['skyminer/identity.key', '100600', `${identity.secretKey.toString('hex')}\n`],
      ['ssh/host/ssh_host_ed25519_key', '100600', secrets.sshHostKey.secret],
      ['ssh/host/ssh_host_ed25519_key.pub', '100644', secrets.sshHostKey.public],
    ];
    for (const [path, mode, content] of files) {
      expect(await debugfs(`cat /${path}`)).toBe(content);
      expect(await debugfs(`ls -p ${path.slice(0, path.lastIndexOf('/'))}`)).toContain(
        `/${mode}/0/0/${path.slice(path.lastIndexOf('/') + 1)}/`,
      );
    }
    expect(await debugfs('ls -p /')).toMatch(/\/040755\/0\/0\/skyminer\//);
    expect(await debugfs('ls -p /ssh')).toMatch(/\/040700\/0\/0\/host\//);
    const bytes = await readFile(card);
    const secret = identity.secretKey.toString('hex');
    const at = bytes.indexOf(secret);
    expect(at).toBeGreaterThanOrEqual(PLACES.data.at);
    expect(bytes.indexOf(secret, at + 1)).toBe(-1);
  });

  it('has a file system on data in which nothing is left to repair, quotas included', async () => {
    await provision(card, settings, secrets);
    const part = join(folder, 'data');
    await writeFile(part, (await readFile(card)).subarray(PLACES.data.at, PLACES.data.at + PLACES.data.size));
    await run('e2fsck', ['-f', '-n', part]);
  });

  it('is in every other byte what it was', async () => {
    await provision(card, settings, secrets);
    const [before, after] = [await readFile(fresh), await readFile(card)];
    expect(after.length).toBe(before.length);
    let at = 0;
    for (const { at: begin, size } of [PLACES.boot, PLACES.data]) {
      expect(after.subarray(at, begin).equals(before.subarray(at, begin))).toBe(true);
      at = begin + size;
    }
    expect(after.subarray(at).equals(before.subarray(at))).toBe(true);
  });

  it('can be provisioned for the same board again', async () => {
    await provision(card, settings, secrets);
    await provision(card, { ...settings, network: undefined }, secrets);
    const { stdout } = await run('mtype', ['-i', `${card}@@${PLACES.boot.at}`, '::board.yaml']);
    expect(readBoardFile(stdout)?.network).toBeUndefined();
  });

  it("is not made another board's, unless that is forced", async () => {
    await provision(card, settings, secrets);
    const before = await readFile(card);
    const others = { identity: other.identity, sshHostKey: await hostKey('two') };
    await expect(provision(card, other.settings, others)).rejects.toThrow(/is the card of node4: .*--force/);
    const renamed = { ...settings, mesh: undefined };
    await expect(provision(card, renamed, others)).rejects.toThrow(/identity of another board: .*--force/);
    expect((await readFile(card)).equals(before)).toBe(true);
    await provision(card, other.settings, others, { force: true });
    expect(await debugfs('cat /ssh/host/ssh_host_ed25519_key')).toBe(others.sshHostKey.secret);
  });
});

describe('what cannot be provisioned', () => {
  it('is refused when a setting is wrong, and stays as it is', async () => {
    const wrong = { ...settings, sshKeys: ['command="reboot" ssh-ed25519 AAAA'] };
    await expect(provision(card, wrong, secrets)).rejects.toThrow(/ssh_keys\[1\] has options/);
    expect((await readFile(card)).equals(await readFile(fresh))).toBe(true);
  });

  it('is refused when it is no image of a Skyminer', async () => {
    const without = join(folder, 'without.img');
    await copyFile(fresh, without);
    await run('sfdisk', ['--quiet', '--delete', without, '3']);
    await expect(provision(without, settings, secrets)).rejects.toThrow(/no partition data/);
    const strange = join(folder, 'a b.img');
    await copyFile(fresh, strange);
    await expect(provision(strange, settings, secrets)).rejects.toThrow(/without blanks/);
  });

  it('is told of when it does not take what is written', async () => {
    // No room for a file of any size: `data` is full.
    const full = join(folder, 'full');
    await writeFile(full, Buffer.alloc(20 * 1024 * 1024, 'x'));
    await run('debugfs', ['-w', '-f', '-', `${card}?offset=${PLACES.data.at}`], {
      input: `write ${full} full\n`,
    });
    await expect(provision(card, settings, secrets)).rejects.toThrow(/did not take|damaged/);
  });
});

describe('the copy of an image for a board', () => {
  it("is its owner's alone, keeps its holes, and appears when it is whole", async () => {
    const out = join(folder, 'out.img');
    await changedCopy(fresh, out, false, async (copy) => {
      expect((await stat(copy)).mode & 0o777).toBe(0o600);
      await expect(stat(out)).rejects.toThrow('ENOENT');
      await provision(copy, settings, secrets);
    });
    const { mode, size, blocks } = await stat(out);
    expect(mode & 0o777).toBe(0o600);
    expect(size).toBe((await stat(fresh)).size);
    expect(blocks * 512).toBeLessThan(size / 2);
    await expect(changedCopy(fresh, out, false, async () => undefined)).rejects.toThrow(/is there already/);
    await changedCopy(fresh, out, true, async () => undefined);
    expect((await readFile(out)).equals(await readFile(fresh))).toBe(true);
  });

  it('leaves nothing behind when the change fails', async () => {
    const place = join(folder, 'empty');
    await mkdir(place);
    const failing = changedCopy(fresh, join(place, 'out.img'), false, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await run('ls', ['-A', place])).toEqual({ stdout: '' });
  });
});

async function debugfs(command: string): Promise<string> {
  return (await run('debugfs', ['-R', command, `${card}?offset=${PLACES.data.at}`])).stdout;
}

async function hostKey(name: string): Promise<BoardSecrets['sshHostKey']> {
  const file = join(folder, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  return { secret: await readFile(file, 'utf8'), public: await readFile(`${file}.pub`, 'utf8') };
}
