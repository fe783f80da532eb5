import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from '../error.ts';
import { readWords } from '../files.ts';
import type { RootRequest } from '../source.ts';
import type { Step } from '../steps.ts';
import { Apt } from './apt.ts';
import {
  formatManifest,
  type Manifest,
  type Package,
  parseManifest,
  type SourcePackage,
} from './manifest.ts';
import { findMirror } from './mirror.ts';
import { SourcePackages } from './source-packages.ts';
import { sourcesFor, uBootPackages } from './u-boot.ts';

export const SUITE = 'trixie';
/** What a slot needs besides the root's packages: their files are taken apart. */
const BOOT_PACKAGES = ['linux-image-arm64', 'busybox-static'];

export interface ChosenPackages {
  manifest: Manifest;
  /** The downloaded file of a package. */
  debOf(entry: Package): string;
  /** The downloaded archives of a source package: upstream's, and Debian's changes. */
  archivesOf(entry: SourcePackage): string[];
}

/**
 * Decides on the packages of an image and fetches them: those of the manifest that was asked for, those of the last
 * build when nothing about the choice has changed, or else the newest.
 */
export async function choosePackages(request: RootRequest): Promise<ChosenPackages> {
  const remedy = 'Check that this machine reaches its Debian mirror: `apt-get update` tells.';
  return request.steps.step('Fetch Debian packages', remedy, async (step) => {
    const directory = join(request.cache.directory, 'apt');
    const apt = new Apt(directory, SUITE, step.log);
    const sources = new SourcePackages(directory, apt);
    const manifest = await choose(request, apt, sources, step);
    const { count, bytes } = await apt.download(manifest.packages);
    await sources.download(manifest.sources);
    const date = new Date(manifest.date * 1000).toISOString().slice(0, 10);
    step.note(`${manifest.packages.length} packages of ${date}`);
    if (count === 0) step.cached('packages');
    else step.note(`${count} packages, ${Math.round(bytes / 1e6)} MB`);
    return {
      manifest,
      debOf: (entry) => apt.debOf(entry),
      archivesOf: (entry) => entry.files.map((file) => sources.pathOf(file)),
    };
  });
}

async function choose(
  request: RootRequest,
  apt: Apt,
  sources: SourcePackages,
  step: Step,
): Promise<Manifest> {
  if (request.manifest !== undefined) return namedManifest(request.manifest, apt, sources);
  const names = [
    ...(await readWords(join(import.meta.dirname, 'packages.txt'))),
    ...request.board.packages,
    ...BOOT_PACKAGES,
    ...uBootPackages(request.board),
  ];
  const compiled = sourcesFor(request.board);
  const notInstalled = await readWords(join(import.meta.dirname, 'not-installed.txt'));
  const inputs = [SUITE, names, notInstalled, ...compiled];
  if (request.refresh) await request.cache.forget('packages', inputs);
  const resolve = () =>
    request.cache.folder('packages', inputs, async (folder) => {
      step.note('reading package lists');
      const { security } = await apt.update(await findMirror(), { sources: compiled.length > 0 });
      if (!security) step.note('with no security updates: the mirror has none');
      const resolved = await apt.resolve(names, notInstalled);
      const manifest = { ...resolved, sources: await sources.resolve(compiled) };
      await writeFile(join(folder, 'manifest.json'), formatManifest(manifest));
    });
  const first = await resolve();
  const manifest = await readManifest(join(first.path, 'manifest.json'));
  const whole = async () =>
    (await apt.findAbsent(manifest.packages)).length === 0 &&
    (await sources.findAbsent(manifest.sources)).length === 0;
  if (!first.hit || (await whole())) return manifest;
  // The cache lost files since, and the mirror may have newer versions by now.
  await request.cache.forget('packages', inputs);
  return readManifest(join((await resolve()).path, 'manifest.json'));
}

/** @throws ImageError naming all packages that can be had no more */
async function namedManifest(file: string, apt: Apt, sources: SourcePackages): Promise<Manifest> {
  const manifest = await readManifest(file);
  if (manifest.suite !== SUITE) {
    throw new ImageError(`${file} is of Debian's ${manifest.suite}, and images are made of ${SUITE}.`);
  }
  const compiled = await sources.findAbsent(manifest.sources);
  if ((await apt.findAbsent(manifest.packages)).length === 0 && compiled.length === 0) return manifest;
  await apt.update(await findMirror(), { sources: compiled.length > 0 });
  const gone = [...(await apt.findGone(manifest.packages)), ...(await sources.findGone(manifest.sources))];
  if (gone.length === 0) return manifest;
  const list = gone.map(({ name, version }) => `  ${name} ${version}`).join('\n');
  throw new ImageError(
    `The mirror has ${gone.length} of the packages in ${file} no more, and they are not in the cache:\n${list}`,
  );
}

async function readManifest(file: string): Promise<Manifest> {
  return parseManifest(await readFile(file, 'utf8'), file);
}
