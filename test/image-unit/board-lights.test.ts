import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError, run } from '../../image/run.ts';

const program = join(import.meta.dirname, '../../image/rootfs-overlay/usr/lib/viscript/board-lights');

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-lights-'));
});

afterEach(() => rm(folder, { recursive: true }));

const show = (state: string) => run('sh', [program, state, join(folder, 'leds'), join(folder, 'trial')]);

async function light(name: string): Promise<() => Promise<string>> {
  const place = join(folder, 'leds', name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'trigger'), '');
  await writeFile(join(place, 'brightness'), '');
  return async () => {
    const [trigger, brightness] = await Promise.all(
      ['trigger', 'brightness'].map((file) => readFile(join(place, file), 'utf8')),
    );
    return `${trigger?.trim()} ${brightness?.trim()}`.trim();
  };
}

describe('the lights of a board', () => {
  it('show that viscript is up, that a version is on trial, and that viscript has ended', async () => {
    const [power, status] = [await light('orangepi:green:pwr'), await light('orangepi:red:status')];
    await show('up');
    expect([await power(), await status()]).toEqual(['none 1', 'none 0']);
    await writeFile(join(folder, 'trial'), '300\n');
    await show('up');
    expect([await power(), await status()]).toEqual(['none 1', 'heartbeat 0']);
    await show('failed');
    expect([await power(), await status()]).toEqual(['heartbeat 1', 'none 1']);
  });

  it('are left alone where they mean something else, and are none on many boards', async () => {
    const other = await light('mmc0::');
    await show('up');
    expect(await other()).toBe('');
    await rm(join(folder, 'leds'), { recursive: true });
    expect((await show('failed')).stdout).toBe('');
  });

  it('know no other state', async () => {
    await expect(show('on')).rejects.toThrow(CommandError);
  });
});
