import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidFile, loadConfig, parseConfig } from '../../../../services/viscript/config/index.ts';

const repository = resolve(import.meta.dirname, '../../../..');
const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);

describe('loadConfig', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'skyminer-config-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("loads the original's older form, with args that may be empty", async () => {
    const { apps, settings } = await loadConfig(fixture('form-a.yaml'));
    expect(apps.get('skycoin')).toMatchObject({
      path: '/bin/skycoin/skycoin',
      args: ['--gui-dir=/bin/skycoin/static/'],
      desc: 'Skycoin main binary',
    });
    expect(apps.get('meshnet-socks-server')).toMatchObject({
      path: '/bin/meshnet/meshnet-run-socks-server',
      args: [],
      daemon: false,
      desc: 'Run meshnet socks server',
    });
    expect(settings).toEqual({ verboseInput: false, verifyParsingByPrinting: false, runHeadless: false });
  });

  it("loads the original's later form, with default_args, daemon and help", async () => {
    const { apps, settings } = await loadConfig(fixture('form-b.yaml'));
    expect(apps.get('meshnet-socks-server')).toMatchObject({
      path: '/bin/meshnet/meshnet-run-socks-server',
      args: [],
      daemon: true,
      help: expect.stringContaining('sockssrv0 101.202.34.56:9000 8001'),
    });
    expect(apps.get('meshnet-cli')?.args).toEqual(['--rpc', '127.0.0.1:1234']);
    expect(settings).toEqual({ verboseInput: true, verifyParsingByPrinting: true, runHeadless: true });
  });

  it('loads the default file of the repository', async () => {
    const { apps } = await loadConfig(join(repository, 'config.yaml'));
    expect([...apps.keys()]).toEqual(expect.arrayContaining(['apptracker', 'meshnet-nm']));
    expect(apps.get('apptracker')).toMatchObject({
      path: 'apptracker',
      args: ['127.0.0.1:20000'],
      daemon: true,
    });
  });

  it('gives the absolute path of the file, for programs beside it', async () => {
    const file = fixture('form-a.yaml');
    expect((await loadConfig(relative(process.cwd(), file))).file).toBe(file);
  });

  it('names a file that is missing, a folder and a pipe, each with what is wrong', async () => {
    const missing = join(folder, 'no.yaml');
    await expect(loadConfig(missing)).rejects.toThrow(`${missing}: cannot be read: ENOENT`);
    await expect(loadConfig(folder)).rejects.toThrow(`${folder}: is not a regular file`);
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(loadConfig(pipe)).rejects.toThrow(`${pipe}: is not a regular file`);
    await expect(loadConfig(missing)).rejects.toMatchObject({
      name: 'InvalidFile',
      problems: [{ file: missing, line: 0, column: 0 }],
      cause: { code: 'ENOENT' },
    });
  });

  it('refuses a file of more than 256 KiB', async () => {
    const file = join(folder, 'large.yaml');
    await writeFile(file, `apps: {}\n#${'x'.repeat(256 * 1024)}`);
    await expect(loadConfig(file)).rejects.toThrow(`${file}: is larger than 262144 bytes`);
  });

  it('says where bytes are no UTF-8', async () => {
    const file = join(folder, 'latin1.yaml');
    await writeFile(file, Buffer.from('apps:\n  a: {path: x, desc: caf\xe9}\n', 'latin1'));
    await expect(loadConfig(file)).rejects.toThrow(`${file}:2:25: not text in UTF-8`);
  });
});

describe('parseConfig', () => {
  it('fills in what an entry leaves out', () => {
    expect(parseConfig('apps: {a: {path: x}}', 'f')).toEqual({
      file: 'f',
      apps: new Map([
        [
          'a',
          {
            name: 'a',
            path: 'x',
            args: [],
            daemon: false,
            desc: '',
            help: '',
            autostart: false,
            dependsOn: [],
            restart: 'on-failure',
            stopGraceMs: 10_000,
            environment: {},
            healthcheck: undefined,
            limits: {},
            capabilities: [],
            mesh: false,
          },
        ],
      ]),
      settings: { verboseInput: false, verifyParsingByPrinting: false, runHeadless: false },
      metrics: { listen: 'socket' },
      alerts: undefined,
    });
  });

  it('reads every key that Compose has taught people', () => {
    const { apps } = parseConfig(
      `apps:
  db: {path: /bin/db}
  web:
    path: ./web
    default_args: serve
    autostart: true
    depends_on: [db, db]
    restart: always
    stop_grace_period: 1m30s
    environment: {PORT: 8080, EMPTY: , QUOTED: "1.10"}
    healthcheck: {interval: 500ms, timeout: 1.5s, retries: 5, start_period: 0s}
    limits: {memory: 96M, cpus: 0.5, pids: 32, disk: 64M}
    capabilities: [CAP_NET_ADMIN, CAP_NET_ADMIN]
    mesh: true
`,
      'f',
    );
    expect([...apps.keys()]).toEqual(['db', 'web']);
    expect(apps.get('web')).toMatchObject({
      args: ['serve'],
      autostart: true,
      dependsOn: ['db'],
      restart: 'always',
      stopGraceMs: 90_000,
      environment: { PORT: '8080', EMPTY: '', QUOTED: '1.10' },
      healthcheck: { intervalMs: 500, timeoutMs: 1_500, retries: 5, startPeriodMs: 0 },
      limits: { memory: 96 * 2 ** 20, cpus: 0.5, pids: 32, disk: 64 * 2 ** 20 },
      capabilities: ['CAP_NET_ADMIN'],
      mesh: true,
    });
  });

  it('takes restart: no as the word it is', () => {
    expect(parseConfig('apps: {a: {path: x, restart: no}}', 'f').apps.get('a')?.restart).toBe('no');
  });

  it('gives arguments and variables to the app as they are written', () => {
    const text =
      'apps: {a: {path: x, default_args: [010, 1.10, 0x1F, true, 1e3, "null", ~x], environment: {V: 1_0, W: 0.50}}}';
    const app = parseConfig(text, 'f').apps.get('a');
    expect(app?.args).toEqual(['010', '1.10', '0x1F', 'true', '1e3', 'null', '~x']);
    expect(app?.environment).toEqual({ V: '1_0', W: '0.50' });
  });

  it('accepts empty sections, and names that objects have by themselves', () => {
    expect(parseConfig('apps:\nsettings:\n', 'f').apps.size).toBe(0);
    const { apps } = parseConfig(
      'apps: {constructor: {path: x}, toString: {path: y, healthcheck: , limits: }}',
      'f',
    );
    expect([...apps.keys()]).toEqual(['constructor', 'toString']);
    expect(apps.get('toString')).toMatchObject({ healthcheck: undefined, limits: {} });
  });

  it('follows anchors and aliases', () => {
    const text = `apps:
  a: {path: x, default_args: &args [&word 1, 2]}
  b: {path: x, default_args: *args}
  c: {path: x, default_args: [&word 7, *word]}
  d: {path: x, default_args: *args, environment: {V: *word}}
`;
    const { apps } = parseConfig(text, 'f');
    expect(apps.get('b')?.args).toEqual(['1', '2']);
    expect(apps.get('c')?.args).toEqual(['7', '7']);
    expect(apps.get('d')).toMatchObject({ args: ['1', '2'], environment: { V: '7' } });
  });

  it('throws nothing but InvalidFile', () => {
    expect(() => parseConfig('apps: [', 'f')).toThrow(InvalidFile);
  });
});
