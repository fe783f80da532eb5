import { access, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ImageError } from '../error.ts';
import { CommandError, run } from '../run.ts';

/** A release of Buildroot, exactly. */
export interface Release {
  version: string;
  /** Name of its commit, which says by a hash what all of its files hold. */
  commit: string;
  repository: string;
}

/** The long-term support release that images are built with. */
export const RELEASE: Release = {
  version: '2025.02.16',
  commit: '135af563b945b8c3d18f8fd370370075b9edb140',
  repository: 'https://gitlab.com/buildroot.org/buildroot.git',
};

/**
 * The folder with Buildroot: the one that BUILDROOT_DIR names, or the release, downloaded once.
 *
 * @param cache where it is kept
 * @throws ImageError saying what to set when it cannot be reached, or is another release
 */
export async function findBuildroot(
  cache: string,
  release: Release,
  log: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const named = environment.BUILDROOT_DIR;
  const folder = named || join(cache, `buildroot-${release.version}`);
  if (!named && !(await isThere(folder))) await download(folder, release, log);
  const version = await versionOf(folder);
  if (version !== release.version)
    throw new ImageError(
      `${folder} holds ${version ?? 'no Buildroot'}: set BUILDROOT_DIR to a folder with Buildroot ${release.version}.`,
    );
  return folder;
}

async function download(
  folder: string,
  { version, commit, repository }: Release,
  log: string,
): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  const git = (...args: string[]) =>
    run('git', ['-C', partial, ...args], { log, env: { GIT_TERMINAL_PROMPT: '0' } });
  await run('git', ['init', '--quiet', partial], { log });
  try {
    await git('fetch', '--quiet', '--depth=1', repository, `refs/tags/${version}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new ImageError(
      `Buildroot ${version} cannot be fetched from ${repository}: set BUILDROOT_DIR to a folder that holds it.`,
      { cause: error },
    );
  }
  const found = (await git('rev-parse', 'FETCH_HEAD^{commit}')).stdout.trim();
  if (found !== commit)
    throw new ImageError(
      `${repository} has another Buildroot ${version}: its commit is ${found}, not ${commit}.`,
    );
  await git('checkout', '--quiet', '--detach', commit);
  await rename(partial, folder);
}

async function versionOf(folder: string): Promise<string | undefined> {
  if (!(await isThere(join(folder, 'Makefile')))) return undefined;
  return /^export BR2_VERSION := (\S+)$/m.exec(await readFile(join(folder, 'Makefile'), 'utf8'))?.[1];
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
