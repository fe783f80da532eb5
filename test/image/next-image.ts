import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildImage } from '../../image/build.ts';
import { formatManifest, type Package, parseManifest } from '../../image/debian/manifest.ts';
import { repository } from '../../image/files.ts';
import { run } from '../../image/run.ts';
import { showSteps } from '../../image/steps.ts';
import { imageUnderTest, oneAtATime, WORK } from './image-under-test.ts';

/** An image that the one under test is updated to: the same software with another kernel. */
export interface NextImage {
  image: string;
  /** As `uname -r` says it. */
  kernel: string;
}

const cache = join(repository, 'out/cache');
const apt = [
  ...['-o', `Dir::State=${join(cache, 'apt')}`, '-o', `Dir::State::lists=${join(cache, 'apt/lists')}`],
  ...[
    '-o',
    `Dir::State::status=${join(cache, 'apt/status')}`,
    '-o',
    `Dir::Cache=${join(cache, 'apt/cache')}`,
  ],
  ...[
    '-o',
    `Dir::Etc::sourcelist=${join(cache, 'apt/sources.list')}`,
    '-o',
    'Dir::Etc::sourceparts=/dev/null',
  ],
  ...['-o', 'APT::Architecture=arm64', '-o', 'APT::Architectures=arm64', '-o', 'Debug::NoLocking=true'],
];

let made: Promise<NextImage | undefined> | undefined;

/** @returns undefined when the mirror has one kernel only */
export function nextImage(): Promise<NextImage | undefined> {
  made ??= oneAtATime('next', make);
  return made;
}

async function make(): Promise<NextImage | undefined> {
  const { image } = await imageUnderTest();
  const file = join(dirname(image), 'manifest.json');
  const manifest = parseManifest(await readFile(file, 'utf8'), file);
  const isKernel = ({ name }: Package) => /^linux-image-\d/.test(name);
  const kernel = await otherKernel(manifest.packages.find(isKernel)?.name ?? '');
  if (kernel === undefined) return undefined;
  const out = join(WORK, 'next');
  await mkdir(out, { recursive: true });
  const packages = [...manifest.packages.filter((entry) => !isKernel(entry)), kernel];
  packages.sort((a, b) => (a.name < b.name ? -1 : 1));
  const changed = join(out, 'packages.json');
  await writeFile(changed, formatManifest({ ...manifest, packages }));
  const { image: next } = await buildImage({
    ...{ board: 'qemu-aarch64', source: 'debian', out, cache, manifest: changed, bundle: join(WORK, 'dist') },
    steps: showSteps({ logs: join(WORK, 'logs-next'), output: process.stderr }),
  });
  return { image: next, kernel: kernel.name.replace(/^linux-image-/, '') };
}

/** The newest kernel in the package lists but this one. */
async function otherKernel(current: string): Promise<Package | undefined> {
  const search = ['search', '--names-only', '^linux-image-6\\.[0-9.]+[^-]*-arm64$'];
  const { stdout } = await run('apt-cache', [...apt, ...search]);
  const names = Array.from(stdout.matchAll(/^(\S+) - /gm), ([, name = '']) => name).filter(
    (name) => name !== current,
  );
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const name = names.at(-1);
  if (name === undefined) return undefined;
  const { stdout: shown } = await run('apt-cache', [...apt, 'show', name]);
  const field = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(shown)?.[1] ?? '';
  return {
    ...{ name, version: field('Version'), architecture: 'arm64' },
    ...{ sha256: field('SHA256'), size: Number(field('Size')) },
  };
}
