/**
 * `build-once.ts REPOSITORY OUT MANIFEST`: builds the QEMU board's image from a copy of the repository and prints its
 * path. A program of its own, for a user, a umask, a locale and a time zone belong to a process.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [repository = '', out = '', manifest = ''] = process.argv.slice(2);
const load = (name: string) => import(pathToFileURL(join(repository, 'image', name)).href);
const { buildImage }: typeof import('../../image/build.ts') = await load('build.ts');
const { showSteps }: typeof import('../../image/steps.ts') = await load('steps.ts');

process.umask(0o077);
const { image } = await buildImage({
  board: 'qemu-aarch64',
  source: 'debian',
  out,
  manifest,
  bundle: join(repository, 'dist'),
  steps: showSteps({ logs: join(out, 'logs'), output: process.stderr }),
});
process.stdout.write(image);
