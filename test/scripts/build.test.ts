import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { run } from '../../image/run.ts';
import { supported } from '../../scripts/build.ts';
import { bundle } from '../build-bundle.ts';

/** Prints the rounds in which an error came up: only the first one throws. */
const rounds = `
for (const round of [1, 2, 3]) {
  try {
    using nothing = { [Symbol.dispose]() {} };
    if (round === 1) throw new Error('once');
  } catch {
    console.log(round);
  }
}`;

describe('the bundle', () => {
  it('says that its files are modules, so that Node need not parse them to find out', async () => {
    expect(JSON.parse(await readFile(join(bundle, 'package.json'), 'utf8'))).toEqual({ type: 'module' });
  });

  it('leaves `using` as it is, which esbuild makes wrong in loops', async () => {
    const files = (await readdir(bundle, { recursive: true })).filter((name) => name.endsWith('.js'));
    expect(files.length).toBeGreaterThan(20);
    const texts = await Promise.all(files.map((name) => readFile(join(bundle, name), 'utf8')));
    expect(files.filter((_, at) => texts[at]?.includes('__callDispose'))).toEqual([]);
    expect(texts.some((text) => /\bawait using /.test(text))).toBe(true);
  });

  it('throws an error of one round of a loop in that one alone', async () => {
    const { outputFiles } = await build({
      stdin: { contents: rounds },
      supported,
      target: 'node24',
      write: false,
    });
    const program = outputFiles[0]?.text ?? '';
    expect((await run(process.execPath, ['--input-type=module', '-'], { input: program })).stdout).toBe(
      '1\n',
    );
  });
});
