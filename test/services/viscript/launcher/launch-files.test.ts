import { execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  formatEnvironment,
  instanceName,
  LaunchFiles,
  UnfitLaunch,
  unitName,
} from '../../../../services/viscript/launcher/launch-files.ts';
import type { LaunchSpec } from '../../../../services/viscript/launcher/launcher.ts';
import { appConfig } from './support.ts';

const spec = (changes: Partial<LaunchSpec> = {}): LaunchSpec => ({
  id: 7,
  app: appConfig({ name: 'echo' }),
  file: '/bin/echo',
  args: ['a b', '', '"quoted" \\ $HOME `x`', 'two\nlines'],
  cwd: '/etc/viscript',
  environment: { PATH: '/usr/bin', HOME: '/data/viscript', SIGNAL_TOKEN: 'secret' },
  ...changes,
});

describe('launch files', () => {
  let folder: string;
  let files: LaunchFiles;
  const note = { id: 7, instance: 'echo', unit: 'viscript-app@echo.service', before: '' };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'viscript-launches-'));
    await mkdir(join(folder, 'spec'));
    await mkdir(join(folder, 'exit'));
    files = new LaunchFiles(folder);
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('keep the environment, its secret among it, from everybody else', async () => {
    await files.write(note, spec());
    for (const name of await readdir(join(folder, 'spec'))) {
      const { mode } = await lstat(join(folder, 'spec', name));
      expect(mode & 0o077, name).toBe(0);
    }
    await files.removeEnvironment('echo');
    expect(await readdir(join(folder, 'spec'))).not.toContain('echo.env');
  });

  it('give a daemon nothing to read and any other app a pipe', async () => {
    await files.write(note, spec());
    expect((await lstat(files.inputOf('echo'))).isFIFO()).toBe(true);
    await files.write(note, spec({ app: appConfig({ name: 'echo', daemon: true }) }));
    const { size } = await lstat(files.inputOf('echo'));
    expect(size).toBe(0);
    expect((await lstat(files.inputOf('echo'))).isFile()).toBe(true);
  });

  it('say nothing of the supervisor’s own home, and keep an app out of folders it does not see', async () => {
    await files.write(note, spec({ cwd: '/data/viscript' }));
    const environment = await readFile(join(folder, 'spec', 'echo.env'), 'utf8');
    expect(environment).not.toMatch(/^HOME=/m);
    expect(environment).toMatch(/^LAUNCH_DIRECTORY="\/var\/lib\/apps\/echo"$/m);
    const own = appConfig({ name: 'echo', environment: { HOME: '/tmp' } });
    await files.write(note, spec({ app: own, environment: { HOME: '/tmp' } }));
    expect(await readFile(join(folder, 'spec', 'echo.env'), 'utf8')).toMatch(/^HOME="\/tmp"$/m);
  });

  it('remember a launch for the next supervisor until it is removed', async () => {
    await files.write(note, spec());
    await writeFile(join(folder, 'spec', 'torn.json'), '');
    expect(await new LaunchFiles(folder).notes()).toEqual([note]);
    await files.remove('echo');
    expect(await files.notes()).toEqual([]);
  });

  it('tell the end of this launch from that of the one before', async () => {
    const line = `${'a'.repeat(32)} exit-code exited 3\n`;
    expect(await files.exitRecord(note)).toBeUndefined();
    await writeFile(join(folder, 'exit', 'echo'), line);
    expect((await files.exitRecord(note))?.status).toEqual({ code: 3, signal: null, cause: 'exit' });
    expect(await files.exitRecord({ ...note, before: await files.exitText('echo') })).toBeUndefined();
  });

  it('refuse what systemd cannot read', async () => {
    await expect(files.write(note, spec({ environment: { 'A B': 'x' } }))).rejects.toThrow(UnfitLaunch);
    await expect(files.write(note, spec({ args: ['\0'] }))).rejects.toThrow(UnfitLaunch);
    await expect(files.write(note, spec({ args: ['x'.repeat(200_000)] }))).rejects.toThrow(UnfitLaunch);
    await expect(files.write(note, spec({ file: '/opt/a=b' }))).rejects.toThrow(UnfitLaunch);
  });
});

describe('an environment file', () => {
  it('brings every value back as a shell reads it, which is how systemd does', () => {
    const values = [
      'plain',
      '',
      ' spaces ',
      '"',
      "'",
      '\\',
      '$HOME',
      '`x`',
      'two\nlines',
      '\\n',
      'é ☃',
      '#no',
      'a=b',
    ];
    const variables = Object.fromEntries(values.map((value, at) => [`V${at}`, value]));
    const print = values.map((_, at) => `printf '%s\\0' "$V${at}"`).join('; ');
    const shown = execFileSync('sh', ['-c', `${formatEnvironment(variables)}\n${print}`], {
      encoding: 'utf8',
    });
    expect(shown.split('\0').slice(0, -1)).toEqual(values);
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
