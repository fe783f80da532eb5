import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringToFormat } from '../../../image/data-format/format.ts';
import { KeptFormats } from '../../../image/data-format/kept.ts';
import { type FormatStep, STEPS } from '../../../image/data-format/steps.ts';
import { made } from './made-up-steps.ts';

const repository = join(import.meta.dirname, '../../..');

let data: string;
let before: Record<string, string>;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'data-format-'));
  await put('viscript/history', 'one\ntwo\n');
  await put('apps/a/file', 'a');
  await put('skyminer/rack', 'untouched');
  await chmod(join(data, 'viscript/history'), 0o640);
  before = await contents();
});

afterEach(() => rm(data, { recursive: true }));

describe('the format of data', () => {
  it('is the number that the initramfs compares with', async () => {
    const file = join(repository, 'image/rootfs-overlay/usr/lib/viscript/data-format');
    expect(await readFile(file, 'utf8')).toBe(`${STEPS.length + 1}\n`);
  });

  it('is 1 where nobody has written it, and stays what it is on a system that has it', async () => {
    expect(await bringToFormat(data, [])).toEqual([]);
    expect(await contents()).toEqual(before);
    expect(await bringToFormat(data, made.slice(0, 1))).toEqual([]);
    const after = await contents();
    expect(await bringToFormat(data, made.slice(0, 1))).toEqual([]);
    expect(await contents()).toEqual(after);
  });

  it('goes forward by all steps in their order', async () => {
    await bringToFormat(data, made);
    expect(await format()).toBe('3\n');
    expect(await contents()).toEqual({
      ...{
        'apps/a/file': 'a',
        'skyminer/rack': 'untouched',
        'history/lines': '2',
        'apps/b/file': 'made by step 2',
      },
    });
  });

  it('goes back, over several steps too, to every byte and mode that was there', async () => {
    await bringToFormat(data, made);
    await put('history/later', 'written by the newer version');
    await put('skyminer/rack', 'changed by hand');
    const told = await bringToFormat(data, []);
    expect(told).toEqual([expect.stringMatching(/^data was put back to format 1, .* made it 3/)]);
    expect(await contents()).toEqual({ ...before, 'skyminer/rack': 'changed by hand' });
    expect((await stat(join(data, 'viscript/history'))).mode & 0o777).toBe(0o640);
    expect(await format()).toBe('1\n');
    expect(await readdir(join(data, 'system/formats'))).toEqual([]);
    expect(await bringToFormat(data, [])).toEqual([]);
    await bringToFormat(data, made);
    expect(await format()).toBe('3\n');
  });

  it('stays where a step fails, as if it had not begun, and says so', async () => {
    const failing: FormatStep = {
      touches: ['apps'],
      forward: async () => {
        await put('apps/a/file', 'half');
        throw new Error('no room');
      },
    };
    const told = await bringToFormat(data, [failing]);
    expect(told).toEqual(['data stays in format 1, for it could not be brought to 2: no room']);
    expect(await contents()).toEqual(before);
    expect(await format()).toBe('1\n');
  });

  it('is left alone where it is newer and nothing was kept', async () => {
    await put('system/format', '7\n');
    expect(await bringToFormat(data, [])).toEqual([
      expect.stringContaining('format 7, which this version does not know'),
    ]);
    expect(await contents()).toEqual(before);
  });

  it('is left alone where it cannot be told', async () => {
    await put('system/format', 'x');
    await expect(bringToFormat(data, made)).rejects.toThrow('holds no number');
    expect(await contents()).toEqual(before);
  });
});

describe('a start that was cut short', () => {
  it('while things were being kept, begins anew', async () => {
    await put('system/formats/1.new/files/viscript/history', 'torn');
    await bringToFormat(data, made);
    await bringToFormat(data, []);
    expect(await contents()).toEqual(before);
  });

  it('in the middle of a step, begins that step anew with what was kept', async () => {
    await new KeptFormats(data).tidy();
    await new KeptFormats(data).keep(1, made[0]?.touches ?? []);
    await rm(join(data, 'viscript'), { recursive: true });
    await put('history/lines', 'half');
    await bringToFormat(data, made);
    expect((await contents())['history/lines']).toBe('2');
  });

  it('in the middle of a step, is undone by a version that has no such step', async () => {
    await new KeptFormats(data).tidy();
    await new KeptFormats(data).keep(1, made[0]?.touches ?? []);
    await rm(join(data, 'viscript'), { recursive: true });
    await bringToFormat(data, []);
    expect(await contents()).toEqual(before);
  });

  it('while things were put back, goes on with that, whichever version is next', async () => {
    for (const [steps, expected] of [
      [[], '1\n'],
      [made, '3\n'],
    ] as const) {
      await bringToFormat(data, made.slice(0, 1));
      await rename(join(data, 'system/formats/1'), join(data, 'system/formats/1.back'));
      await rm(join(data, 'history'), { recursive: true });
      await bringToFormat(data, steps);
      expect(await format()).toBe(expected);
      await bringToFormat(data, []);
      expect(await contents()).toEqual(before);
    }
  });

  it('while what was put back is removed, finds it already put back', async () => {
    await bringToFormat(data, []);
    await put('system/formats/1.old/files/viscript/history', 'torn');
    await bringToFormat(data, made);
    await bringToFormat(data, []);
    expect(await contents()).toEqual(before);
  });

  it('anywhere, by a kill, loses nothing', async () => {
    const program = join(import.meta.dirname, 'made-up-steps.ts');
    for (let delay = 0; delay < 12; delay++) {
      const steps = delay % 2 === 0 ? made.length : 0;
      const child = spawn(process.execPath, [program, data, `${steps}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const [line] = await once(child.stdout, 'data');
      expect(`${line}`).toBe('begun\n');
      // Another moment each time, and whichever it is, it has to be right.
      const kill = setTimeout(() => child.kill('SIGKILL'), delay * 3);
      await ended;
      clearTimeout(kill);
      await bringToFormat(data, []);
      expect(await contents()).toEqual(before);
    }
  });
});

async function put(path: string, content: string): Promise<void> {
  await mkdir(join(data, path, '..'), { recursive: true });
  await writeFile(join(data, path), content);
}

function format(): Promise<string> {
  return readFile(join(data, 'system/format'), 'utf8');
}

/** All files but those that tell of formats. */
async function contents(): Promise<Record<string, string>> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const named = files
    .map((file) => file.slice(data.length + 1))
    .filter((file) => !file.startsWith('system/'));
  return Object.fromEntries(
    await Promise.all(named.map(async (file) => [file, await readFile(join(data, file), 'utf8')])),
  );
}
