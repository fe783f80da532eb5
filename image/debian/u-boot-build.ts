import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { requireLines } from '../kconfig.ts';
import { type RunOptions, run } from '../run.ts';

const CROSS = 'aarch64-linux-gnu-';

export interface UBootOptions {
  /** Upstream's archive, and Debian's changes. */
  archives: readonly string[];
  /** Without `_defconfig`. */
  defconfig: string;
  /** File with lines that are laid over it. */
  config: string;
  /** The secure monitor that goes with it. */
  bl31: string;
  /** What of all that is built is wanted. */
  file: string;
  /** Seconds since 1970: the time it is told that it was built at. */
  date: number;
  log: string;
}

/** Identifies the compiler, and so what it makes. */
export async function compilerVersion(): Promise<string> {
  return (await run(`${CROSS}gcc`, ['--version'])).stdout.split('\n', 1)[0] ?? '';
}

/** Its makefiles take paths apart at blanks, so it is not built beside an image, which may be anywhere. */
const BUILD_IN = '/var/tmp';

/**
 * Compiles U-Boot from Debian's source package, with Debian's patches, into the file `target`.
 *
 * @throws ImageError naming the lines of the configuration that it does not take
 */
export async function buildUBoot(target: string, options: UBootOptions): Promise<void> {
  const folder = await mkdtemp(join(BUILD_IN, 'skyminer-u-boot-'));
  try {
    await buildIn(folder, target, options);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function buildIn(folder: string, target: string, options: UBootOptions): Promise<void> {
  const { archives, defconfig, config, bl31, file, date, log } = options;
  const [source, monitor] = [join(folder, 'source'), join(folder, 'bl31.bin')];
  await unpack(archives, source, log);
  await copyFile(bl31, monitor);
  const environment: RunOptions = {
    cwd: source,
    log,
    env: {
      // Python with U-Boot's modules is Debian's, whatever else stands before it on this machine.
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      CROSS_COMPILE: CROSS,
      BL31: monitor,
      // Firmware of the power processor, without which all but deep sleep works.
      SCP: '/dev/null',
      SOURCE_DATE_EPOCH: String(date),
      // What make tells of the machine goes into the version that it prints.
      KBUILD_BUILD_USER: 'skyminer',
      KBUILD_BUILD_HOST: 'skyminer',
      MAKEFLAGS: undefined,
    },
  };
  await run('make', [`${defconfig}_defconfig`], environment);
  const wanted = await readFile(config, 'utf8');
  await appendFile(join(source, '.config'), wanted);
  await run('make', ['olddefconfig'], environment);
  requireLines(wanted, await readFile(join(source, '.config'), 'utf8'), config);
  await run('make', [`-j${availableParallelism()}`], environment);
  await copyFile(join(source, file), target);
}

async function unpack(archives: readonly string[], source: string, log: string): Promise<void> {
  const isDebian = (name: string) => /\.debian\.tar\.\w+$/.test(name);
  await mkdir(source);
  for (const archive of archives.filter((name) => !isDebian(name)))
    await run('tar', ['-xf', archive, '--strip-components=1', '-C', source], { log });
  for (const archive of archives.filter(isDebian)) await run('tar', ['-xf', archive, '-C', source], { log });
  const series = await readFile(join(source, 'debian/patches/series'), 'utf8');
  for (const name of series.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
    await run('patch', ['-p1', '--batch', '--input', join('debian/patches', name)], { cwd: source, log });
  }
}
