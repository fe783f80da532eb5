import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../image/build.ts';
import { formatManifest, parseManifest } from '../../image/debian/manifest.ts';
import { repository, sha256OfFile } from '../../image/files.ts';
import { mappedBytes } from '../../image/flash/bmap/bmap.ts';
import { makeBmap } from '../../image/flash/bmap/make.ts';
import { parseBmap } from '../../image/flash/bmap/parse.ts';
import { run } from '../../image/run.ts';
import { showSteps } from '../../image/steps.ts';
import { build } from '../../scripts/build.ts';

const out = join(repository, 'out');
/** Not that of this process, which may be the machine's. */
const NODE = join(repository, 'node_modules/.bin/node');
/** A user with no rights, as on every Debian machine. */
const NOBODY = 65534;

let scratch: string;
let bundle: string;
/** A copy of the first image and of what came with it: somebody may build the next one at any time. */
let image: string;
let manifest: string;
let sums: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'skyminer é twice-'));
  bundle = join(scratch, 'dist');
  await build({ out: bundle, boardOnly: true });
  await copyRepository(join(scratch, 'another place'));
  const first = await buildImage({ board: 'qemu-aarch64', source: 'debian', out, bundle, steps: steps() });
  image = join(scratch, 'first.img');
  manifest = join(scratch, 'first.manifest.json');
  await run('cp', ['--sparse=always', first.image, image]);
  await copyFile(`${first.image}.bmap`, `${image}.bmap`);
  await copyFile(first.manifest, manifest);
  sums = await readFile(join(first.directory, 'SHA256SUMS'), 'utf8');
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('an image', () => {
  it('has the same bytes wherever, by whom and under whatever settings it is built from the same packages', async () => {
    const elsewhere = join(scratch, 'another place');
    await cp(bundle, join(elsewhere, 'dist'), { recursive: true });
    const otherOut = join(scratch, 'other out');
    await seedCache(otherOut);

    const second = await buildAsNobody(elsewhere, otherOut);
    expect(await readFile(join(dirname(second), 'SHA256SUMS'), 'utf8')).toBe(sums);
    expect(await sha256OfFile(second)).toBe(await sha256OfFile(image));
  });

  it('has the map of its blocks beside it', async () => {
    const map = parseBmap(await readFile(`${image}.bmap`));
    expect(map).toEqual(await makeBmap(image));
    expect(mappedBytes(map)).toBeLessThan(map.imageSize / 2);
  });

  it('leaves the first mebibyte to a boot loader, also when its table is grown to a larger card', async () => {
    const card = join(scratch, 'card.img');
    await run('cp', ['--sparse=always', image, card]);
    // Allwinner's first boot loader begins at 8 KiB and may reach up to the table's entries at 1 MiB.
    const loader = Buffer.alloc(1016 * 1024, 'eGON.BT0');
    await run('dd', [`of=${card}`, 'bs=8192', 'seek=1', 'conv=notrunc'], { input: loader });
    await run('truncate', ['--size=4G', card]);
    await run('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', '-N', '7', card], { input: ', +\n' });

    expect((await run('sfdisk', ['--verify', card])).stdout).toContain('No errors detected');
    const start = await readStart(card, 1024 * 1024);
    expect(start.subarray(8192).equals(loader)).toBe(true);
  });

  it('names the packages of a manifest that can be had no more', async () => {
    const { packages, ...rest } = parseManifest(await readFile(manifest, 'utf8'), manifest);
    const [one, ...others] = packages;
    if (one === undefined) throw new Error('a manifest names packages');
    const old = join(scratch, 'old.manifest.json');
    const gone = { ...one, version: '0.0.1', sha256: '0'.repeat(64) };
    await writeFile(old, formatManifest({ ...rest, packages: [gone, ...others] }));
    const building = buildImage({
      ...{ board: 'qemu-aarch64', source: 'debian', out, bundle, steps: steps() },
      manifest: old,
    });
    await expect(building).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`${one.name} 0.0.1`) },
    });
  });
});

function steps() {
  return showSteps({ logs: join(scratch, 'logs'), output: process.stderr });
}

/** What the image is built from, in a folder that is not a checkout. */
async function copyRepository(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const name of ['image', 'board', 'package.json', 'package-lock.json', '.npmrc']) {
    await cp(join(repository, name), join(target, name), { recursive: true, verbatimSymlinks: true });
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
  const program = join(import.meta.dirname, 'build-once.ts');
  const env = { LC_ALL: 'C', LANG: 'C', TZ: 'Pacific/Kiritimati', HOME: scratch };
  const [command = NODE, ...before] = [...(await becomeNobody(program)), NODE];
  const args = [...before, program, folder, target, manifest];
  return (await run(command, args, { env, cwd: scratch })).stdout;
}

/** What to put before a command so that nobody runs it: nothing without the right to, or where nobody may not read. */
async function becomeNobody(program: string): Promise<string[]> {
  if (process.getuid?.() !== 0) return [];
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, scratch]);
  const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const [command = '', ...args] = become;
  const readable = await run(command, [...args, 'test', '-x', NODE, '-a', '-r', program]).then(
    () => true,
    () => false,
  );
  return readable ? become : [];
}

async function readStart(path: string, length: number): Promise<Buffer> {
  await using file = await open(path, 'r');
  return (await file.read(Buffer.alloc(length), 0, length, 0)).buffer;
}
