import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LimitsConfig } from '../../../../services/viscript/config/schema.ts';
import { InputPipe } from '../../../../services/viscript/launcher/input-pipe.ts';
import {
  instanceName,
  LaunchFiles,
  UnfitLaunch,
  unitName,
} from '../../../../services/viscript/launcher/launch-files.ts';
import type { LaunchSpec } from '../../../../services/viscript/launcher/launcher.ts';
import { appConfig, hostileWords } from './support.ts';

const unit = 'viscript-app@echo.service';
const daemon = appConfig({ name: 'echo', daemon: true });
const spec = (changes: Partial<LaunchSpec> = {}): LaunchSpec => ({
  id: 7,
  app: daemon,
  file: '/bin/echo',
  args: [],
  cwd: '/',
  environment: { SIGNAL_TOKEN: 'secret' },
  ...changes,
});

describe('launch files', () => {
  let folder: string;
  let files: LaunchFiles;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viscript-launches-'));
    await mkdir(join(folder, 'spec'));
    await mkdir(join(folder, 'exit'));
    files = new LaunchFiles({ launches: folder, runtime: folder });
  });

  afterEach(() => rm(folder, { recursive: true }));

  const script = () => readFile(join(folder, 'spec', 'echo'), 'utf8');

  it('keep the environment, its secret among it, from everybody else', async () => {
    await files.write('echo', unit, spec());
    expect(await script()).toContain('secret');
    for (const name of await readdir(join(folder, 'spec'))) {
      const { mode } = await lstat(join(folder, 'spec', name));
      expect(mode & 0o077, name).toBe(0);
    }
  });

  it('bring every argument and variable to the program as it was, whatever is in it', async () => {
    const variables = Object.fromEntries(hostileWords.map((value, at) => [`V${at}`, value]));
    const dump = `process.stdout.write(JSON.stringify([process.argv.slice(1), process.env, process.cwd()]))`;
    const args = ['-e', dump, '--', ...hostileWords];
    await files.write(
      'echo',
      unit,
      spec({ file: process.execPath, args, environment: variables, cwd: folder }),
    );
    const child = spawn('sh', [join(folder, 'spec', 'echo')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [seenArgs, seenVariables, seenFolder] = JSON.parse(await text(child.stdout));
    expect(seenArgs).toEqual(hostileWords);
    expect(seenVariables).toMatchObject(variables);
    expect(seenFolder).toBe(folder);
  });

  it('give a daemon no input, and any other app a pipe whose name nobody can guess or list', async () => {
    expect((await files.write('echo', unit, spec())).input).toBeUndefined();
    const { input = '' } = await files.write(
      'echo',
      unit,
      spec({ app: appConfig({ name: 'echo' }), file: '/bin/cat' }),
    );
    expect(input).toMatch(/\/input\/echo-[0-9a-f]{32}$/);
    expect((await lstat(join(folder, 'input'))).mode & 0o777).toBe(0o711);
    const child = spawn('sh', [join(folder, 'spec', 'echo')], { stdio: ['ignore', 'pipe', 'inherit'] });
    const first = await InputPipe.open(input);
    expect(first.write('one\n')).toBe(true);
    expect(String(await once(child.stdout, 'data'))).toBe('one\n');
    first.close();
    const second = await InputPipe.open(input);
    second.write('two\n');
    expect(String(await once(child.stdout, 'data'))).toBe('two\n');
    second.close();
    child.kill();
  });

  it('say nothing of the supervisor’s own home, and keep an app out of folders it does not see', async () => {
    const environment = { HOME: '/data/viscript', NODE_COMPILE_CACHE: '/data/cache', PATH: '/usr/bin' };
    await files.write('echo', unit, spec({ cwd: '/data/viscript', environment }));
    expect(await script()).not.toContain('/data');
    expect(await script()).toMatch(/^cd '\/var\/lib\/apps\/echo'/);
    const own = appConfig({ ...daemon, environment: { HOME: '/tmp' } });
    await files.write('echo', unit, spec({ app: own, environment: { HOME: '/tmp' } }));
    expect(await script()).toMatch(/^export HOME='\/tmp'$/m);
  });

  it('remember a launch for the next supervisor until it is removed', async () => {
    const note = await files.write('echo', unit, spec({ app: appConfig({ name: 'echo' }) }));
    await writeFile(join(folder, 'spec', 'torn.json'), '');
    expect(await files.notes()).toEqual([note]);
    await files.remove(note);
    expect(await readdir(join(folder, 'spec'))).toEqual(['torn.json']);
    expect(await readdir(join(folder, 'input'))).toEqual([]);
  });

  it('tell the end of this launch from that of the one before', async () => {
    const note = await files.write('echo', unit, spec());
    expect(await files.exitRecord(note)).toBeUndefined();
    await writeFile(join(folder, 'exit', 'echo'), `${'a'.repeat(32)} exit-code exited 3\n`);
    expect((await files.exitRecord(note))?.status).toEqual({ code: 3, signal: null, cause: 'exit' });
    const next = await files.write('echo', unit, spec());
    expect(await files.exitRecord(next)).toBeUndefined();
  });

  it('tell root how many bytes of disk the app may have, and viscript how many that are', async () => {
    const asked = async (limits: LimitsConfig) => {
      await files.write('echo', unit, spec({ app: appConfig({ ...daemon, limits }) }));
      return readFile(join(folder, 'spec', 'echo.disk'), 'utf8');
    };
    expect(await asked({})).toBe(`${256 * 2 ** 20}\n`);
    expect(await asked({ disk: 2 ** 20 })).toBe(`${2 ** 20}\n`);
    expect(await files.diskShare('echo')).toBeUndefined();
    await mkdir(join(folder, 'disk'));
    await writeFile(join(folder, 'disk', 'echo'), '524288\n');
    expect(await files.diskShare('echo')).toBe(524_288);
  });

  it('refuse what no program could be given', async () => {
    const refused = (changes: Partial<LaunchSpec>) =>
      expect(files.write('echo', unit, spec(changes))).rejects.toThrow(UnfitLaunch);
    await refused({ environment: { 'A B': 'x' } });
    await refused({ args: ['\0'] });
    await refused({ args: ['x'.repeat(600_000)] });
    expect(await files.notes()).toEqual([]);
  });
});

describe('names', () => {
  it('are the app’s own, and number launches of the same app', () => {
    expect(unitName([], instanceName('apptracker', 1))).toBe('viscript-app@apptracker.service');
    expect(unitName([], instanceName('apptracker', 12))).toBe('viscript-app@apptracker_12.service');
  });

  it('select the template by the capabilities of the entry, in any order and spelling', () => {
    const names = ['CAP_NET_RAW', 'net_admin', 'CAP_NET_ADMIN'];
    expect(unitName(names, 'vpn')).toBe('viscript-app-net_admin-net_raw@vpn.service');
    expect(unitName(['mesh', ...names], 'vpn')).toBe('viscript-app-mesh-net_admin-net_raw@vpn.service');
  });

  it('fit into a user name and never meet those of another app', () => {
    const apps = [
      'a',
      'A',
      'a.b',
      'ab',
      'a_2',
      'ä',
      '-x',
      'x'.repeat(200),
      'x'.repeat(201),
      'm'.repeat(23),
      'm'.repeat(24),
    ];
    const all = apps.flatMap((app) => [1, 2, 999].map((number) => instanceName(app, number)));
    expect(new Set(all).size).toBe(all.length);
    for (const name of all) expect(`app-${name}`).toMatch(/^app-[a-z0-9][a-z0-9_-]{0,26}$/);
  });
});
