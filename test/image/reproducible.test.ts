import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage, type ImageArtefacts } from '../../image/build.ts';
import { repository, sha256OfFile } from '../../image/files.ts';
import { run } from '../../image/run.ts';
import { showSteps } from '../../image/steps.ts';
import { build } from '../../scripts/build.ts';

const out = join(repository, 'out');
/** A user with no rights, as on every Debian machine. */
const NOBODY = 65534;

let scratch: string;
let bundle: string;
let first: ImageArtefacts;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'skyminer é twice-'));
  bundle = join(scratch, 'dist');
  await build({ out: bundle, boardOnly: true });
  const steps = showSteps({ logs: join(scratch, 'logs'), output: process.stderr });
  first = await buildImage({ board: 'qemu-aarch64', source: 'debian', out, bundle, steps });
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('an image', () => {
  it('has the same bytes wherever, by whom and under whatever settings it is built from the same packages', async () => {
    const elsewhere = join(scratch, 'another place');
    await copyRepository(elsewhere);
    await cp(bundle, join(elsewhere, 'dist'), { recursive: true });
    const otherOut = join(scratch, 'other out');
    await seedCache(otherOut);

    const image = await buildAsNobody(elsewhere, otherOut);
    expect(await sha256OfFile(image)).toBe(await sha256OfFile(first.image));
    expect(await readFile(join(dirname(image), 'SHA256SUMS'), 'utf8')).toBe(
      await readFile(join(first.directory, 'SHA256SUMS'), 'utf8'),
    );
  });

  it('leaves the first mebibyte to a boot loader, also when its table is grown to a larger card', async () => {
    const image = join(scratch, 'card.img');
    await run('cp', ['--sparse=always', first.image, image]);
    // Allwinner's first boot loader begins at 8 KiB and may reach up to the table's entries at 1 MiB.
    const loader = Buffer.alloc(1016 * 1024, 'eGON.BT0');
    await run('dd', [`of=${image}`, 'bs=8192', 'seek=1', 'conv=notrunc'], { input: loader });
    await run('truncate', ['--size=4G', image]);
    await run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', '-N', '7', image], { input: ', +\n' });

    expect((await run('sfdisk', ['--verify', image])).stdout).toContain('No errors detected');
    expect((await run('sfdisk', ['--list-free', image])).stdout).not.toMatch(/ [1-9][\d.]*[MG]\b/);
    const from = await readStart(image, 1024 * 1024);
    expect(from.subarray(8192).equals(loader)).toBe(true);
  });

  it('names the packages of a manifest that can be had no more', async () => {
    const manifest = JSON.parse(await readFile(first.manifest, 'utf8'));
    manifest.packages[0].version = '0.0.1';
    manifest.packages[0].sha256 = '0'.repeat(64);
    const file = join(scratch, 'old.manifest.json');
    await run('tee', [file], { input: JSON.stringify(manifest) });
    const steps = showSteps({ logs: join(scratch, 'logs'), output: process.stderr });
    const building = buildImage({
      board: 'qemu-aarch64',
      source: 'debian',
      out,
      bundle,
      steps,
      manifest: file,
    });
    await expect(building).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`${manifest.packages[0].name} 0.0.1`) },
    });
  });
});

/** What the image is built from, in a folder that is not a checkout. */
async function copyRepository(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const name of ['image', 'board', 'package.json', 'package-lock.json', '.npmrc']) {
    await cp(join(repository, name), join(target, name), { recursive: true });
  }
  await symlink(join(repository, 'node_modules'), join(target, 'node_modules'));
}

/** Downloads come from the first build, all else is made anew. */
async function seedCache(target: string): Promise<void> {
  const cache = join(target, 'cache');
  await mkdir(join(cache, 'apt'), { recursive: true });
  await run('cp', ['-a', join(out, 'cache/apt/debs'), join(cache, 'apt/debs')]);
  for (const name of await readdir(join(out, 'cache'))) {
    if (name.startsWith('runtime-')) await run('cp', ['-a', join(out, 'cache', name), join(cache, name)]);
  }
}

/** Another user where that is possible, and another umask, locale and time zone in any case. */
async function buildAsNobody(folder: string, target: string): Promise<string> {
  const program = [
    process.execPath,
    join(import.meta.dirname, 'build-once.ts'),
    folder,
    target,
    first.manifest,
  ];
  const env = { LC_ALL: 'C', LANG: 'C', TZ: 'Pacific/Kiritimati', HOME: scratch };
  const [command = '', ...args] = process.getuid?.() === 0 ? await asNobody(program) : program;
  const { stdout } = await run(command, args, { env, cwd: scratch });
  return stdout;
}

async function asNobody(program: readonly string[]): Promise<string[]> {
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, scratch]);
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...program];
}

async function readStart(path: string, length: number): Promise<Buffer> {
  await using file = await open(path, 'r');
  return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer;
}
