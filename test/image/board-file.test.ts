import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BoardSettings } from '../../image/board-settings/settings.ts';
import { formatBoardFile } from '../../image/board-settings/text.ts';
import { provision } from '../../image/provision/provision.ts';
import { Identity } from '../../services/net/keys.ts';
import { signMembership } from '../../services/net/membership.ts';
import { hashPassphrase } from '../../services/net/passphrase.ts';
import { newHostKey } from '../../services/net/ssh/host-key.ts';
import { failedUnits } from './failed-units.ts';
import { BOOT_MS, BOOTING_MS, copyOfImage, Guest } from './fixture.ts';
import { isLong } from './long.ts';
import { makeKey, Ssh } from './ssh.ts';

const rack = Identity.generate();
const identity = Identity.generate();
const hostKey = newHostKey('node4');
const members = signMembership(rack, 3, [
  { board: 'node4', key: identity.publicKey, roles: ['node', 'manager'] },
]);

let folder: string;
let image: string;
let guest: Guest;
let settings: BoardSettings;
/** Clients with the keys of two people, who know the board as the one who wrote its card does. */
let first: Ssh;
let second: Ssh;
let secondKey: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'board-file-'));
  const [one, two] = [await makeKey(folder, 'one'), await makeKey(folder, 'two')];
  secondKey = (await readFile(two.publicFile, 'utf8')).trim();
  settings = {
    board: 'node4',
    // Where QEMU's network expects the board, so that SSH finds it.
    network: { address: '10.0.2.15/24', gateway: '10.0.2.2', dns: ['10.0.2.3'], ntp: ['10.0.2.2'] },
    sshKeys: [(await readFile(one.publicFile, 'utf8')).trim()],
    consolePassphrase: undefined,
    mesh: {
      ...{ rack: rack.publicKey, manager: `${identity.publicKey}@127.0.0.1:5999`, members },
      ...{ listen: ['0.0.0.0:5000'], domain: 'my.mesh' },
    },
    apps: { 'meshnet-echo': { args: ['echo0', '/run/skywire/node.sock'] }, nothing: { args: undefined } },
    updateKeys: undefined,
    backupKey: 'ab'.repeat(32),
  };
  image = await copyOfImage();
  const sshHostKey = { secret: hostKey.secret, public: `${hostKey.publicLine}\n` };
  await provision(image, settings, { identity, sshHostKey });
  guest = await Guest.start({ image });
  const knownHosts = join(folder, 'known_hosts');
  await writeFile(knownHosts, `board ${hostKey.publicLine}\n`);
  first = new Ssh(guest.board.sshPort, one.file, knownHosts);
  second = new Ssh(guest.board.sshPort, two.file, knownHosts);
}, BOOTING_MS);

afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
  if (image !== undefined) await rm(image);
});

/** One board from its first start to its fifth: each test goes on where the one before ended. */
describe('a board with a card of its own', () => {
  it('greets with its name, its rack and its address', async () => {
    const greeting = await guest.booted();
    expect(greeting).toContain('· node4');
    expect(greeting).toContain('Trouble: board.yaml: apps.nothing is no app of this image');
    const rackLine = `Board node4 of the rack my.mesh (${rack.publicKey.slice(0, 8)}),`;
    expect(greeting).toContain(rackLine);
    await expect
      .poll(() => first.run('viscript', []), { timeout: 60_000 })
      .toMatchObject({
        stdout: expect.stringContaining(`${rackLine} 10.0.2.15`),
      });
  });

  it('has the address of its file, and no other', async () => {
    expect(await guest.root.text('ip -color=never -4 -o address show scope global')).toMatch(
      /^\S+ +\S+ +inet 10\.0\.2\.15\/24 (?!.*dynamic)/,
    );
    expect(await guest.root.text('ip -color=never -4 route show default')).toMatch(
      /^default via 10\.0\.2\.2 .*proto static/,
    );
    expect(await guest.root.text('resolvectl dns')).toContain('10.0.2.3');
    expect(await guest.root.text('timedatectl show-timesync -p LinkNTPServers')).toContain('10.0.2.2');
    expect(await guest.root.text('ss -Hun sport = :68')).toBe('');
  });

  it('has the host key that was made for it, and lets in whom its file names', async () => {
    expect((await first.run('admin', ['hostname'])).stdout).toBe('node4\n');
    expect(await second.run('admin', ['true'])).toMatchObject({ status: 255 });
    expect(await guest.root.text('stat -c "%a %U" /data/ssh/host/ssh_host_ed25519_key')).toBe('600 root');
  });

  it('is in its rack, with the apps of its file', async () => {
    const registered =
      'timeout 120 sh -c "until viscript logs meshnet-node | grep registered; do sleep 1; done"';
    expect(await guest.root.text(registered, 180_000)).toContain('registered with manager');
    expect(await guest.root.text('viscript list_apps')).toContain('meshnet-echo');
    expect(await guest.root.text('cat /data/skyminer/backup_key')).toBe(settings.backupKey);
    expect(await failedUnits(guest.root)).toBe('');
  });

  it('writes the tables of what has grown later, and at another time than other boards', async () => {
    const delay = 'systemctl show data-tables.timer -P RandomizedDelayUSec';
    expect(await guest.root.text(delay)).toBe('30s');
    const waits = 'grep -c noinit_itable /proc/mounts || true';
    await expect.poll(() => guest.root.text(waits), { timeout: 300_000, interval: 1000 }).toBe('0');
    expect(await guest.root.text('grep " /data " /proc/mounts')).toMatch(/nosuid,nodev,noatime/);
  });

  it('is set up by a unit that exposes little', async () => {
    for (const unit of ['board-setup', 'data-format']) {
      const verdict = await guest.root.run(
        `systemd-analyze security --offline=true ${unit}.service | tail -n 1`,
      );
      const exposure = /exposure level for \S+: ([\d.]+)/.exec(verdict.output)?.[1];
      expect(Number(exposure)).toBeLessThanOrEqual(2.5);
    }
  });

  it.skipIf(!isLong)(
    'starts with the same settings when nothing has changed, without making them again (needs SKYMINER_LONG)',
    async () => {
      const made =
        'cat /etc/hostname /etc/hosts /etc/systemd/network/15-board.network /etc/viscript/config.yaml | sha256sum';
      const before = await guest.root.text(made);
      await restart();
      expect(await guest.root.text(made)).toBe(before);
      expect(await guest.root.text('systemctl show board-setup -P ConditionResult')).toBe('no');
      expect((await first.run('admin', ['hostname'])).stdout).toBe('node4\n');
    },
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'does what its file says when that was changed by hand, and nothing that it said before (needs SKYMINER_LONG)',
    async () => {
      const hash = (await hashPassphrase('correct horse', { N: 2 ** 14, r: 8, p: 1 })).trim();
      const lines = [`board: node5`, `ssh_keys: ["${secondKey}"]`, `console_passphrase: ${hash}`];
      await writeCard(`${lines.join('\r\n')}\r\n`);
      await restart();
      expect(await guest.root.text('hostname')).toBe('node5');
      expect(await guest.root.text('ip -color=never -4 -o address show scope global')).toMatch(/dynamic/);
      expect(await first.run('admin', ['true'])).toMatchObject({ status: 255 });
      const { stdout } = await second.run('viscript', ['status']);
      expect(stdout).toMatch(/^node5 /);
      expect(stdout).not.toContain('trouble: board.yaml');
      expect(stdout).not.toContain('meshnet-node');
      expect(await guest.root.text('ls /data/skyminer')).toBe('identity.key');
      expect(await guest.root.text('cat /data/console/passphrase')).toBe(hash);
    },
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'says on line and column what is wrong with its file, and lets in whom it let in before (needs SKYMINER_LONG)',
    async () => {
      await writeCard(formatBoardFile(settings).replace('gateway: 10.0.2.2', 'gateway: 10.9.9.9'));
      await restart();
      const { stdout } = await second.run('viscript', ['status']);
      expect(stdout).toMatch(/trouble: board\.yaml:\d+:1: the checksum does not fit: delete the last line/);
      expect(await first.run('admin', ['true'])).toMatchObject({ status: 255 });
      expect(await guest.root.text('ls /data/skyminer')).toBe('identity.key');
      expect(await guest.root.text('cat /data/console/passphrase')).toContain('scrypt 16384');
      expect(await guest.root.text('ip -color=never -4 -o address show scope global')).toMatch(/dynamic/);
    },
    BOOTING_MS,
  );

  it.skipIf(!isLong)(
    'starts without its file too; and gives data back the format that it knows (needs SKYMINER_LONG)',
    async () => {
      const { root } = guest;
      await root.text(`${MOUNT} && rm /mnt/board.yaml && umount /mnt`);
      await root.text('mkdir -p /data/system/formats/1/files/viscript && echo 2 > /data/system/format');
      await root.text(`echo '["viscript/mark", "viscript/new"]' > /data/system/formats/1/paths`);
      await root.text(
        'echo old > /data/system/formats/1/files/viscript/mark && chown 950:950 /data/system/formats/1/files/viscript/mark',
      );
      await root.text('echo new | tee /data/viscript/mark > /data/viscript/new');
      await restart();
      const { stdout } = await second.run('viscript', ['status']);
      expect(stdout).toMatch(/trouble: board\.yaml: is missing on the partition boot/);
      expect(stdout).toMatch(
        /trouble: data was put back to format 1, as it was before a newer version made it 2/,
      );
      expect(await root.text('cat /data/system/format /data/viscript/mark')).toBe('1\nold');
      expect(await root.text('stat -c %U /data/viscript/mark')).toBe('viscript');
      expect(await root.text('ls /data/viscript/new || true')).toContain('No such file');
      expect(await root.text('ls /data/system/formats')).toBe('');
      expect(await root.text('hostname')).toBe('node5');
    },
    BOOTING_MS,
  );
});

const MOUNT = 'mount -t vfat /dev/disk/by-partlabel/boot /mnt';

/** Writes the board file as a person does who has put the card into a computer. */
async function writeCard(text: string): Promise<void> {
  const base64 = Buffer.from(text).toString('base64');
  await guest.root.text(MOUNT);
  await guest.root.text('rm -f /mnt/board.yaml /run/written');
  for (let at = 0; at < base64.length; at += 3000)
    await guest.root.text(`printf %s '${base64.slice(at, at + 3000)}' >> /run/written`);
  await guest.root.text('base64 -d /run/written > /mnt/board.yaml && umount /mnt');
}

/** Pulls the plug and puts it in again. */
async function restart(): Promise<void> {
  await guest.root.text('sync');
  await guest.board.reset();
  await guest.root.ready(BOOT_MS);
  await expect
    .poll(() => guest.root.run('viscript version').then(({ status }) => status), {
      timeout: BOOT_MS,
      interval: 1000,
    })
    .toBe(0);
}
