import { chmod, copyFile, lutimes, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { walk } from '../cache.ts';
import { writeFileMode } from '../files.ts';
import { run } from '../run.ts';

/** The commands of busybox that `init` uses. */
const APPLETS =
  'cat chroot cp date echo grep head insmod ls mkdir mount mv readlink reboot rm sed sh sha256sum sleep stat switch_root sync tail tr umount'.split(
    ' ',
  );

export interface InitramfsOptions {
  /** A static busybox of the board's architecture. */
  busybox: string;
  /** Module files in the order in which they are loaded. */
  modules: readonly string[];
  /** Seconds since 1970: the clock never starts before it, and all files carry it. */
  date: number;
  log: string;
}

/** Makes the compressed initramfs `target` out of a scratch folder that does not exist yet. */
export async function makeInitramfs(
  target: string,
  scratch: string,
  options: InitramfsOptions,
): Promise<void> {
  const { busybox, modules, date, log } = options;
  await mkdir(join(scratch, 'bin'), { recursive: true });
  await mkdir(join(scratch, 'lib/modules'), { recursive: true });
  await copyFile(busybox, join(scratch, 'bin/busybox'));
  await chmod(join(scratch, 'bin/busybox'), 0o755);
  for (const applet of APPLETS) await symlink('busybox', join(scratch, 'bin', applet));
  for (const module of modules) await copyFile(module, join(scratch, 'lib/modules', basename(module)));
  await writeFileMode(
    join(scratch, 'lib/modules/order'),
    modules.map((path) => `${basename(path)}\n`).join(''),
  );
  await writeFileMode(join(scratch, 'etc/build-date'), `${date}\n`);
  await copyFile(join(import.meta.dirname, 'init'), join(scratch, 'init'));
  await chmod(join(scratch, 'init'), 0o755);

  const entries = await walk(scratch);
  for (const name of ['.', ...entries.map((entry) => entry.name)]) {
    await lutimes(join(scratch, name), date, date);
  }
  const archive = `${scratch}.cpio`;
  await writeFile(archive, '');
  await run(
    'cpio',
    ['--create', '--null', '--quiet', '--format=newc', '--owner=0:0', '--reproducible', '-F', archive],
    { cwd: scratch, input: ['.', ...entries.map(({ name }) => name)].join('\0'), log },
  );
  await run('zstd', ['--quiet', '--force', '-12', '--single-thread', archive, '-o', target], { log });
}
