import { randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassphrase } from '../../services/net/passphrase.ts';
import { BOOTING_MS, bootedGuest, type Guest } from './fixture.ts';
import type { Ssh } from './ssh.ts';

/** Generous: an emulated board on a busy machine starts Node in seconds. */
const SOON = { timeout: 120_000, interval: 1000 };

const identity = randomBytes(64).toString('hex');
const password = `hunter-${randomBytes(6).toString('hex')}`;

/** An app that says what it should not: the board's identity, the hash of its passphrase, and its own token. */
const config = (hash: string) => `
apps:
  talker:
    path: /bin/sh
    default_args:
      - -c
      - |
        echo one apple; echo a pear; echo "two apples for 127.0.0.1"
        echo "identity $IDENTITY is loaded"; echo "the line is $LINE"
        echo "registered with $SIGNAL_TOKEN"; echo "login with $ADMIN_PASSWORD"
        exec sleep 100000
    daemon: true
    environment:
      IDENTITY: ${identity}
      LINE: '${hash}'
      ADMIN_PASSWORD: ${password}
  other:
    path: /bin/sh
    default_args: [-c, "echo an apple of another; exec sleep 100000"]
    daemon: true
`;

let guest: Guest;
let ssh: Ssh;
let hash: string;

beforeAll(async () => {
  guest = await bootedGuest();
  ssh = await guest.ssh();
  hash = (await hashPassphrase('correct horse battery', { N: 2 ** 14, r: 8, p: 1 })).trimEnd();
  const input = config(hash);
  expect(await ssh.run('admin', ['cat > config.yaml'], { input })).toMatchObject({ status: 0, stderr: '' });
  await guest.root.text(
    [
      'install -o viscript -m 600 /data/home/admin/config.yaml /data/viscript/config.yaml',
      `umask 077; printf '%s\\n' '${hash}' > /data/console/passphrase; echo ${identity} > /data/skyminer/identity.key`,
      'systemctl restart viscript',
    ].join('; '),
  );
  await guest.cli.wake();
  for (const app of ['talker', 'other'])
    expect(await ssh.run('viscript', ['start', app])).toMatchObject({ status: 0, stderr: '' });
}, BOOTING_MS);

afterAll(() => guest?.[Symbol.asyncDispose]());

/** `viscript logs …` over SSH, which says the same on the serial line. */
async function logs(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await ssh.run('viscript', ['logs', ...words]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect((await guest.cli.run(['logs', ...words].join(' '))).trimEnd()).toBe(stdout.trimEnd());
  return stdout;
}

describe('the logs of a board, over SSH and on the serial line', () => {
  it('are chosen by app', async () => {
    await expect.poll(() => logs('talker'), SOON).toMatch(/login with/);
    await expect.poll(() => logs('other'), SOON).toMatch(/of another/);
    expect(await logs('talker', '-n', '3')).toMatch(
      /^\S+ \S+ the line is .*\n.* registered with .*\n.* login with .*\n$/,
    );
    expect(await logs('other')).toMatch(/^\S+ \S+ an apple of another\n$/);
    expect(await logs('-n', '100')).toMatch(
      /talker\[\d+\]: one apple\n[\s\S]*other\[\d+\]: an apple of another/,
    );
  });

  it('are chosen by time', async () => {
    const [line = ''] = (await logs('talker', '--grep', 'apple')).split('\n');
    const [day = '', clock = ''] = line.split(' ');
    expect(await logs('talker', '--since', `${day}T${clock}`)).toContain('one apple');
    expect(await logs('talker', '--until', '1h')).toBe('');
    expect(await logs('talker', '--since', '1h', '--until', '0s', '-n', '1')).toContain('login with');
  });

  it('are chosen by pattern', async () => {
    expect(await logs('talker', '--grep', 'apple')).toMatch(
      /^\S+ \S+ one apple\n\S+ \S+ two apples for 127\.0\.0\.1\n$/,
    );
    expect(await logs('talker', '--grep', "'^(one|a) .*[el]'")).toMatch(
      /^\S+ \S+ one apple\n\S+ \S+ a pear\n$/,
    );
  });
});

describe('the bundle for who is to help', () => {
  it('comes out by SSH, with what apps said and no secret of the board', async () => {
    const hostKey = await guest.root.text('cat /data/ssh/host/ssh_host_ed25519_key');
    const apps: { app: string; pid: number }[] = JSON.parse(
      (await ssh.run('viscript', ['la', '--json'])).stdout,
    );
    const pid = apps.find(({ app }) => app === 'talker')?.pid;
    const environment = await guest.root.text(`tr '\\0' '\\n' < /proc/${pid}/environ`);
    const secrets = {
      ...{ identity, password, hash },
      token: /^SIGNAL_TOKEN=(.{20,})$/m.exec(environment)?.[1] ?? '',
      hostKey: hostKey.split('\n').find((line) => line.length > 60 && !line.includes('-')) ?? '',
    };
    // Their log itself hides nothing from who may read it.
    const said = await logs('talker');
    for (const secret of [identity, password, hash, secrets.token]) expect(said).toContain(secret);
    const bundle = await ssh.bytes('viscript', ['support']);
    const tar = gunzipSync(bundle);
    expect(tar.toString()).toContain('two apples for 127.0.0.1');
    expect(tar.toString()).toMatch(/identity \[[^\]]+\] is loaded/);
    expect(tar.toString()).toContain('login with [removed]');
    for (const [name, secret] of Object.entries(secrets)) {
      expect(secret.length, name).toBeGreaterThan(12);
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
      ])
        for (const bytes of [bundle, tar])
          expect({ name, found: bytes.includes(form) }).toEqual({ name, found: false });
    }
  });
});

describe('the figures of a board', () => {
  it('are on their socket, for who may speak with viscript and nobody else', async () => {
    const request = String.raw`printf 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | nc.openbsd -U /run/viscript/metrics.sock`;
    const { status, stdout } = await ssh.run('admin', [request]);
    expect({ status, head: stdout.split('\r\n')[0] }).toEqual({ status: 0, head: 'HTTP/1.1 200 OK' });
    expect(stdout).toMatch(/^viscript_app_up\{app="talker".*\} 1$/m);
    expect(stdout).toMatch(/^viscript_build_info\{.*\} 1$/m);
    const refused = await guest.root.run('runuser -u nobody -- nc.openbsd -U /run/viscript/metrics.sock');
    expect(refused.output).toMatch(/Permission denied/);
  });
});
