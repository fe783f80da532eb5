import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { breaches } from '../../../../scripts/endurance/sabotage/breaches.ts';
import { breached } from '../../../../scripts/endurance/sabotage/scratch.ts';
import { root } from '../../../../scripts/lib/program.ts';

it.each(breaches)('can be broken, and a test is there to notice: $broken', async (breach) => {
  const text = await readFile(join(root, breach.file), 'utf8');
  expect(breached(text, breach)).not.toBe(text);
  const { test, name, project } = breach;
  expect(await readFile(join(root, test), 'utf8')).toContain(`it('${name}'`);
  expect(project === 'image').toBe(test.startsWith('test/image/'));
});

it('are of different promises', () => {
  expect(new Set(breaches.map(({ broken }) => broken)).size).toBe(breaches.length);
});

it('that do not fit the sources any more are told', () => {
  const [first] = breaches;
  if (first === undefined) throw new Error('there are no breaches');
  expect(() => breached('', first)).toThrow(/has 0 times what is to be broken/);
  expect(() => breached(first.find.repeat(2), first)).toThrow(/has 2 times/);
});
