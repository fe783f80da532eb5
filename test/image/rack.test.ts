import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseBackup } from '../../image/backup/document.ts';
import { openSecrets } from '../../image/backup/secrets.ts';
import { Identity } from '../../services/net/keys.ts';
import { signMembership } from '../../services/net/membership.ts';
import { dhKeyPair } from '../../services/net/noise/x25519.ts';
import { hashPassphrase } from '../../services/net/passphrase.ts';
import { failedUnits } from './failed-units.ts';
import { BOOTING_MS, Guest } from './fixture.ts';
import { documentedListeners, listenersOf } from './listeners.ts';
import { skyminerFor } from './skyminer.ts';

const rack = Identity.generate();
const board = Identity.generate();
const identityText = `${board.secretKey.toString('hex')}\n`;
const members = [{ board: 'board1', key: board.publicKey, roles: ['node', 'manager'] as const }];
const joining = { board: 'board2', key: Identity.generate().publicKey, roles: ['node'] as const };
const backupKey = dhKeyPair();

/** Generous: an emulated board on a busy machine takes seconds for what takes none. */
const SOON = { timeout: 180_000, interval: 1000 };

let guest: Guest;
let folder: string;

/** A board that is told its rack and manages it: alone, it is a mesh of one. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-rack-'));
  guest = await Guest.start({
    credentials: {
      'skyminer.rack': `${rack.publicKey}\n`,
      'skyminer.members': signMembership(rack, 1, members),
      'skyminer.identity': identityText,
      'skyminer.mesh': `board: board1\nmanager: 127.0.0.1:5999\n`,
      'skyminer.backup_key': `${backupKey.publicKey.toString('hex')}\n`,
      'skyminer.network': '[Match]\nName=lo\n[Network]\nAddress=192.0.2.77/32\n',
    },
  });
  await guest.booted();
}, BOOTING_MS);

afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function skyminer(...words: string[]): Promise<string> {
  return skyminerFor({ guest, board: 'board1', rack: folder }, words);
}

async function newList(
  number: number,
  text = signMembership(rack, number, [...members, joining]),
): Promise<void> {
  await writeFile(join(folder, 'rack.pub'), `${rack.publicKey}\n`);
  await writeFile(join(folder, 'members'), text);
}

describe('a board that was told its rack', () => {
  it('has no failed unit', async () => {
    expect(await failedUnits(guest.root)).toBe('');
  });

  it('keeps what it was told on data, the identity for root alone', async () => {
    expect(await guest.root.text('stat -c "%a %U" /data/skyminer/identity.key')).toBe('600 root');
    expect(await guest.root.text('cat /data/skyminer/rack')).toBe(rack.publicKey);
  });

  it('takes over addresses that were handed in', async () => {
    expect(await guest.root.text('ip -brief address show lo')).toContain('192.0.2.77');
  });

  it('starts apptracker, manager and node by itself, and the node registers', async () => {
    await expect.poll(() => guest.cli.run('logs meshnet-node'), SOON).toContain('registered with manager');
    const apps = await guest.cli.run('list_apps');
    for (const app of ['apptracker', 'meshnet-nm', 'meshnet-node']) expect(apps).toContain(app);
  });

  it('runs the node and the manager each as a user of its own, with the identity handed to both', async () => {
    for (const unit of ['viscript-app-mesh@meshnet-node', 'viscript-app@meshnet-nm']) {
      const pid = await guest.root.text(`systemctl show ${unit} --property MainPID --value`);
      expect(Number(await guest.root.text(`stat -c %u /proc/${pid}`))).toBeGreaterThan(60_000);
      const key = await guest.root.text(`cat /run/credentials/${unit}.service/identity.key`);
      expect(`${key}\n`).toBe(identityText);
    }
  });

  it('lets the supervisor speak to the node, and no other user', async () => {
    expect(await guest.root.text('stat -c "%a %G" /run/skywire/node.sock')).toBe('660 mesh');
    const ask = (user: string) =>
      `setpriv --reuid ${user} --regid ${user} --init-groups nc.openbsd -NU /run/skywire/node.sock </dev/null && echo reached`;
    expect((await guest.root.run(ask('viscript'))).output).toContain('reached');
    expect((await guest.root.run(ask('admin'))).output).toContain('Permission denied');
  });

  it('listens where SECURITY.md says, and nowhere else', async () => {
    const documented = await documentedListeners();
    // An address of the network may come later than the mesh.
    await expect.poll(() => listenersOf(guest.root), SOON).toEqual(documented);
  });

  it('takes a newer list that its owner pushes, has it in force in node and manager, and goes back to none', async () => {
    await newList(2);
    expect(await skyminer('rack', 'push', 'board1')).toMatch(/^board1 +took list 2$/m);
    expect(await skyminer('rack', 'push', 'board1')).toMatch(/^board1 +has list 2$/m);
    const ssh = await guest.ssh();
    const { stdout } = await ssh.run('viscript', ['mesh', 'members']);
    expect(stdout).toMatch(/^list 2 of the rack .*, 2 boards$/m);
    expect(stdout).toMatch(new RegExp(`^board1 +node,manager +this one +${board.publicKey}$`, 'm'));
    await expect.poll(() => guest.cli.run('logs meshnet-nm'), SOON).toContain('members: list 2');
    await newList(1);
    await expect(skyminer('rack', 'push', 'board1')).rejects.toThrow(
      /list 1 is not taken: list 2 is in force/,
    );
    // The end of the input is heard too.
    const nonsense = await ssh.run('viscript', ['mesh', 'members', 'take'], { input: 'nonsense\n' });
    expect(nonsense).toMatchObject({ status: 1, stderr: expect.stringContaining('line 1: does not begin') });
  });

  it('gives its owner a backup, of which nobody else can read the secrets', async () => {
    const { root } = guest;
    await newList(2);
    await skyminer('backup', 'board1', '--out', 'open console');
    const open = parseBackup(await readFile(join(folder, 'open console'), 'utf8'));
    expect(openSecrets(open.sealed, backupKey)).toMatchObject({
      identity: identityText,
      consolePassphrase: undefined,
    });
    const hash = await hashPassphrase('a long passphrase', { N: 2 ** 14, r: 8, p: 1 });
    await root.text(`(umask 077; echo '${hash.trim()}' > /data/console/passphrase)`);
    expect(await skyminer('backup', 'board1', '--out', 'kept')).toMatch(/^kept: board1 as of 20/);
    const document = await readFile(join(folder, 'kept'), 'utf8');
    const backup = parseBackup(document);
    expect(backup).toMatchObject({ board: 'board1', rack: rack.publicKey, key: board.publicKey });
    const secrets = openSecrets(backup.sealed, backupKey);
    expect(secrets).toMatchObject({ identity: identityText, consolePassphrase: hash });
    const hostKey = await root.text('cat /data/ssh/host/ssh_host_ed25519_key');
    expect(secrets.sshHostKey.trim()).toBe(hostKey);
    for (const secret of [identityText.trim(), hash.trim(), ...hostKey.split('\n').slice(1, 3)])
      for (const text of [document, backup.sealed.toString('latin1')]) expect(text).not.toContain(secret);

    const ask = (user: string) =>
      `setpriv --reuid ${user} --regid ${user} --init-groups nc.openbsd -NU /run/viscript-backup.sock </dev/null`;
    expect((await root.run(ask('admin'))).output).toContain('Permission denied');
    expect((await root.run(ask('viscript'))).output).toContain('cannot: the question has no end');
    await root.text('rm /data/console/passphrase');
    expect(await failedUnits(root)).toBe('');
  });

  it('passes packets on while it serves a VPN, and then as it did before', async () => {
    const { root } = guest;
    const settings = '/proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding';
    const forwarding = () => root.text(`cat ${settings} && ls /run | grep forwarding || true`);
    await root.text('echo 1 > /proc/sys/net/ipv4/ip_forward');
    expect(await forwarding()).toBe('1\n0');
    const started = await guest.cli.run('start --json meshnet-vpn-server vpn0 /run/skywire/node.sock');
    const { id }: { id: number } = JSON.parse(started);
    await expect.poll(() => guest.cli.run('logs meshnet-vpn-server'), SOON).toContain('serving on skywire0');
    expect(await forwarding()).toMatch(/^1\n1\n/);
    await guest.cli.run(`sd ${id}`);
    await expect.poll(forwarding, SOON).toBe('1\n0');
  });
});
