import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../../services/viscript/launcher/limits.ts';

const overlay = join(import.meta.dirname, '../../../image/rootfs-overlay');
const system = 'usr/lib/systemd/system';

describe('the units of the image', () => {
  it('expose little: at most 3.0 in the words of systemd-analyze security', async () => {
    const root = await mkdtemp(join(tmpdir(), 'viscript-overlay-'));
    try {
      await cp(overlay, root, { recursive: true, verbatimSymlinks: true });
      const names = (await readdir(join(overlay, system))).filter((name) =>
        /^viscript.*\.service$/.test(name),
      );
      expect(names).toContain('viscript.service');
      for (const name of names)
        expect(await exposure(root, name.replace('@.', '@x.')), name).toBeLessThanOrEqual(3);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('believe notifications of the supervisor’s main process only, and none of an app', async () => {
    expect(await settings('viscript.service')).toMatchObject({
      Type: 'notify',
      NotifyAccess: 'main',
      User: 'viscript',
    });
    expect(await settings('viscript-app@.service')).toMatchObject({
      NotifyAccess: 'none',
      DynamicUser: 'yes',
    });
  });

  it('give an app without limits what the launcher sets anew for one that had some', async () => {
    const { MemoryMax, TasksMax, CPUQuota } = await settings('viscript-app@.service');
    expect(MemoryMax).toBe(`${defaultLimits.memory / 2 ** 20}M`);
    expect(TasksMax).toBe(String(defaultLimits.pids));
    expect(CPUQuota).toBe(defaultLimits.cpus ?? '');
  });

  it('read nothing that viscript writes into the environment of a process that root runs', async () => {
    const app = await readFile(join(overlay, system, 'viscript-app@.service'), 'utf8');
    expect(app).toMatch(/^ExecStopPost=\+/m);
    expect(app).not.toMatch(/^(EnvironmentFile|PassEnvironment)=/m);
    expect(await settings('run-launches.mount')).toMatchObject({
      Options: expect.stringContaining('nosymfollow'),
    });
  });
});

describe('accounts', () => {
  it('have fixed numbers, for what lies on data outlives an image', async () => {
    const text = await readFile(join(overlay, 'usr/lib/sysusers.d/00-skyminer.conf'), 'utf8');
    const accounts = text.split('\n').filter((line) => /^[ug] /.test(line));
    const numbers = accounts.map((line) => line.split(/\s+/)[2] ?? '');
    for (const number of numbers) expect(number).toMatch(/^\d+(:\d+)?$/);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(text).toMatch(/^u viscript\s+950 /m);
    expect(text).toMatch(/^u admin\s+1000 /m);
  });
});

async function exposure(root: string, unit: string): Promise<number> {
  const { stdout } = await promisify(execFile)('systemd-analyze', [
    'security',
    '--offline=true',
    '--no-pager',
    `--root=${root}`,
    unit,
  ]);
  const [, level = ''] = /Overall exposure level for .*: ([\d.]+)/.exec(stdout) ?? [];
  return Number(level || Number.NaN);
}

/** The last value of each setting of a unit file. */
async function settings(unit: string): Promise<Record<string, string>> {
  const text = await readFile(join(overlay, system, unit), 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
}
