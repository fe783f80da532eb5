import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';
import { makeKey, Ssh } from './ssh.ts';

let guest: Guest;
let ssh: Ssh;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-ssh-'));
  guest = await bootedGuest();
  ssh = await guest.ssh();
}, BOOTING_MS);

afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('ssh viscript@board', () => {
  it('lands in the command line', async () => {
    const session = await ssh.run('viscript', [], { input: 'apps\nexit\n', more: ['-tt'] });
    expect(session.stdout).toMatch(/viscript@[\w.-]+> /);
    expect(session.stdout).toMatch(/apptracker - /);
    expect(session.status).toBe(0);
  });

  it('runs one command and gives back its exit status', async () => {
    const apps = await ssh.run('viscript', ['apps']);
    expect(apps).toMatchObject({ status: 0, stderr: '' });
    expect(apps.stdout).toMatch(/^apptracker - /m);
    expect((await ssh.run('viscript', ['ping', '4711'])).status).toBe(1);
    expect((await ssh.run('viscript', ['frobnicate'])).status).toBe(2);
  });

  it('gives a program JSON', async () => {
    const { stdout } = await ssh.run('viscript', ['apps', '--json']);
    expect(JSON.parse(stdout)).toContainEqual(expect.objectContaining({ name: 'apptracker' }));
  });

  it('runs a command of plain words without the start of Node, and any other with it', async () => {
    await guest.root.text('mount --bind /bin/false /usr/bin/node');
    try {
      expect(await ssh.run('viscript', ['list_apps', '--json'])).toMatchObject({ status: 0, stderr: '' });
      expect((await ssh.run('viscript', ["apps ''"])).status).toBe(1);
    } finally {
      await guest.root.text('umount /usr/bin/node');
    }
    const quoted = await ssh.run('viscript', ["apps ''"]);
    expect(quoted).toMatchObject({ status: 2, stderr: expect.stringMatching(/too much/) });
  });

  it('is no way to a shell', async () => {
    const { status, stdout } = await ssh.run('viscript', ['sh -c "id -u; echo was here"']);
    expect(status).toBe(2);
    expect(stdout).not.toMatch(/was here/);
    expect((await ssh.sftp('viscript', 'ls /\n')).status).not.toBe(0);
  });

  it('is no tunnel to what listens on the board, which admin@board is', async () => {
    const tunnel = { input: 'hello\n', more: ['-W', '127.0.0.1:22'] };
    expect((await ssh.run('admin', [], tunnel)).stdout).toMatch(/^SSH-2\.0-/);
    const { status, stdout } = await ssh.run('viscript', [], tunnel);
    expect([status, stdout]).toEqual([255, '']);
  });
});

describe('ssh admin@board', () => {
  it('is a shell', async () => {
    expect(await ssh.run('admin', ['id -un; exit 7'])).toMatchObject({ status: 7, stdout: 'admin\n' });
  });

  it('carries files by sftp', async () => {
    const content = randomBytes(256 * 1024);
    await writeFile(join(folder, 'sent'), content);
    const batch = `put "${join(folder, 'sent')}" carried\nget carried "${join(folder, 'received')}"\n`;
    const answer = await ssh.sftp('admin', batch);
    expect(answer, answer.stderr).toMatchObject({ status: 0 });
    expect(content.equals(await readFile(join(folder, 'received')))).toBe(true);
  });

  it('may speak with viscript', async () => {
    const { status, stdout } = await ssh.run('admin', ['viscript version']);
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringMatching(/^viscript \d/) });
  });
});

describe('SSH', () => {
  it('refuses passwords', async () => {
    const more = [
      '-o',
      'PreferredAuthentications=password,keyboard-interactive',
      '-o',
      'PubkeyAuthentication=no',
    ];
    for (const user of ['viscript', 'admin', 'root']) {
      const { status, stderr } = await ssh.run(user, ['true'], { more });
      expect(status).toBe(255);
      expect(stderr).toMatch(/Permission denied \(publickey\)/);
    }
  });

  it('refuses a key it does not know', async () => {
    const stranger = await makeKey(folder, 'stranger');
    const knownHosts = join(folder, 'known');
    await writeFile(
      knownHosts,
      `board ${await guest.root.text('cat /data/ssh/host/ssh_host_ed25519_key.pub')}\n`,
    );
    const { status, stderr } = await new Ssh(ssh.port, stranger.file, knownHosts).run('admin', ['true']);
    expect(status).toBe(255);
    expect(stderr).toMatch(/Permission denied/);
  });

  it('lets nobody in as root', async () => {
    const { status, stderr } = await ssh.run('root', ['true']);
    expect(status).toBe(255);
    expect(stderr).toMatch(/Permission denied/);
  });

  it('is there for others while one address opens connections and says nothing', async () => {
    await guest.root.text(
      "systemd-run --quiet --unit silent sh -c 'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 600 | nc.openbsd 127.0.0.1 22 & done; wait'",
    );
    const held = () => guest.root.text('ss -Htn state established dport = :22 | wc -l');
    try {
      await expect.poll(held, { timeout: 60_000, interval: 500 }).toBe('6');
      expect(await ssh.run('admin', ['true'])).toMatchObject({ status: 0 });
    } finally {
      await guest.root.text('systemctl stop silent');
    }
  });
});
