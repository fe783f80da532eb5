import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ControlServer } from '../../../../services/viscript/control/server.ts';
import { bundle, startSupervisor, type TestSupervisor, temporaryFolder } from '../support.ts';

const secrets = {
  hexKey: randomBytes(64).toString('hex'),
  upperHexKey: randomBytes(32).toString('hex').toUpperCase(),
  token: randomBytes(32).toString('base64url'),
  base64: randomBytes(48).toString('base64'),
  bearer: randomBytes(24).toString('base64url'),
  password: `hunter-${randomBytes(4).toString('hex')}`,
  argument: `pa55-${randomBytes(4).toString('hex')}`,
  urlPassword: `url-${randomBytes(5).toString('hex')}`,
  variable: `var.${randomBytes(5).toString('hex')}`,
  hash: `$y$j9T$${randomBytes(12).toString('base64url')}$${randomBytes(32).toString('base64url')}`,
  field: `json-${randomBytes(4).toString('hex')}`,
  query: `query-${randomBytes(4).toString('hex')}`,
};

const said = [
  'listening on 127.0.0.1:1080',
  `identity ${secrets.hexKey} is loaded`,
  `KEY=${secrets.upperHexKey}`,
  `token ${secrets.token} registered`,
  `\x1b[31mblob\x1b[0m ${secrets.base64.slice(0, 20)}\x1b[1m${secrets.base64.slice(20)}`,
  `Authorization: Bearer ${secrets.bearer}`,
  `connecting to https://admin:${secrets.urlPassword}@example.org/path?token=${secrets.query}&page=2`,
  `login with ${secrets.password} failed`,
  `{"user":"admin","password":"${secrets.field}","port":80}`,
  `"{\\"passphrase\\":\\"${secrets.field}\\"}"`,
  `root:${secrets.hash}:19000:0`,
  `the argument was ${secrets.argument}, the variable ${secrets.variable}`,
  `as hex ${Buffer.from(secrets.password).toString('hex')} as base64 ${Buffer.from(secrets.password).toString('base64')}`,
];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let test: TestSupervisor;
let control: ControlServer;

beforeEach(async () => {
  folder = await temporaryFolder();
  const app = {
    path: 'sh',
    restart: 'no',
    default_args: [
      ...[
        '-c',
        `printf '%s\\n' "$SAID"`,
        'sh',
        '--api-key',
        secrets.argument,
        `--secret=${secrets.argument}`,
      ],
      `https://user:${secrets.urlPassword}@example.org/`,
      secrets.hexKey,
    ],
    environment: {
      SAID: said.join('\n'),
      ADMIN_PASSWORD: secrets.password,
      MY_TOKEN: secrets.variable,
      DATABASE: `postgres://me:${secrets.urlPassword}@db/`,
    },
  };
  test = await startSupervisor(JSON.stringify({ apps: { leaky: app } }));
  control = new ControlServer({
    ...{ path: join(test.folder, 'control.sock'), socketMode: 0o600, supervisor: test.supervisor },
    machine: {
      ...{ version: '1', host: 'test', slot: 'A', slotReason: undefined, lastEnd: undefined },
      ...{ uptime: () => 1, troubles: async () => [] },
      temperatures: async () => [],
      slots: async () => undefined,
    },
  });
  await control.listen();
  await (await test.supervisor.launch('leaky', [])).ended;
});

afterEach(async () => {
  await control.close();
  await test[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** The program, as a shell runs it with its standard output in a pipe. */
async function viscript(...words: string[]) {
  const { PATH, HOME } = process.env;
  const child = spawn(
    process.execPath,
    [join(bundle, 'viscript.js'), '--runtime-dir', test.folder, ...words],
    { env: { PATH, HOME }, cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [stdout, stderr, [status]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, 'close'),
  ]);
  return { status, stdout, stderr: stderr.toString() };
}

/** Every form in which somebody who looks for it would find it. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    ...[secret, secret.toLowerCase(), encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)],
    ...[bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')],
  ];
}

it('holds what helps and no secret, in no member, compressed or not', async () => {
  const { status, stdout, stderr } = await viscript('support');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const tar = gunzipSync(stdout);
  for (const [name, secret] of Object.entries(secrets)) {
    for (const form of forms(secret)) {
      for (const bytes of [stdout, tar])
        expect({ name, form, found: bytes.includes(form) }).toEqual({ name, form, found: false });
    }
  }
  await writeFile(join(folder.path, 'bundle.tar.gz'), stdout);
  await mkdir(join(folder.path, 'out'));
  await promisify(execFile)('tar', ['-xzf', 'bundle.tar.gz', '-C', 'out'], { cwd: folder.path });
  const base = join(folder.path, 'out/skyminer-support');
  const read = (name: string) => readFile(join(base, name), 'utf8');
  expect(await readdir(base)).toEqual(
    expect.arrayContaining([
      'config.json',
      'disk.json',
      'kernel.log',
      'logs',
      'mesh',
      'status.json',
      'system',
      'usage.json',
      'versions.json',
    ]),
  );
  const log = await read('logs/leaky.log');
  expect(log).toContain('listening on 127.0.0.1:1080');
  expect(log).toContain('login with [removed] failed');
  expect(log).toContain('"user":"admin"');
  expect(log).toContain('page=2');
  expect(log).toMatch(/identity \[key [0-9a-f]{8}\] is loaded/);
  expect(JSON.parse(await read('versions.json'))).toMatchObject({
    version: '1',
    slot: 'A',
    node: process.version,
  });
  expect(JSON.parse(await read('status.json'))).toMatchObject([{ app: 'leaky', lastExit: { code: 0 } }]);
  expect(await read('config.json')).toContain('ADMIN_PASSWORD');
  expect(await read('system/proc/meminfo')).toContain('MemTotal');
});

it('writes a new file for its owner alone, and leaves one that is there as it is', async () => {
  const first = await viscript('support', 'new.tar.gz');
  expect(first).toMatchObject({ status: 0, stderr: '' });
  expect(first.stdout.toString()).toMatch(/^new\.tar\.gz: \d+ bytes\n$/);
  const file = join(folder.path, 'new.tar.gz');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const before = await readFile(file);
  expect(gunzipSync(before).length % 512).toBe(0);
  expect(await viscript('support', 'new.tar.gz')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('EEXIST'),
  });
  expect((await readFile(file)).equals(before)).toBe(true);
});
