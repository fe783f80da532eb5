import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodersIn, findDecoders } from '../../../scripts/endurance/decoders.ts';

const root = join(import.meta.dirname, '../../..');

it('reads which decoders a test fuzzes, and how much', () => {
  const source = `fc.assert(fc.property(bytes, check), fuzzRuns('frames', 100_000));
    fc.assert(
      fc.property(text, check),
      fuzzRuns(
        'text-2',
        5_000,
      ),
    );`;
  expect(decodersIn('a.test.ts', source)).toEqual([
    { name: 'frames', file: 'a.test.ts', least: 100_000 },
    { name: 'text-2', file: 'a.test.ts', least: 5_000 },
  ]);
});

it('finds all that the tests fuzz, each by a name of its own', async () => {
  const decoders = await findDecoders(root);
  const names = decoders.map(({ name }) => name);
  expect(names).toContain('stream-frames');
  expect(new Set(names).size).toBe(names.length);
  for (const file of new Set(decoders.map((decoder) => decoder.file))) {
    const calls = (await readFile(join(root, file), 'utf8')).split('fuzzRuns(').length - 1;
    expect([file, decoders.filter((decoder) => decoder.file === file).length]).toEqual([file, calls]);
  }
});
