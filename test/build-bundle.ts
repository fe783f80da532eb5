import { join, resolve } from 'node:path';
import { build } from '../scripts/build.ts';

/** Where the tests find the bundle; a folder of their own, so that a build at the same time does them no harm. */
export const bundle = join(resolve(import.meta.dirname, '..'), 'out', 'test', 'dist');

/** Runs once before all tests: they drive the programs as users have them. */
export default async function setup(): Promise<void> {
  await build({ out: bundle });
}
