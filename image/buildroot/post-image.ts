/** `post-image.ts BINARIES_DIR BOARD`: makes the disk image `skyminer.img` of what Buildroot has built. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadBoard } from '../board-file.ts';
import { makeDisk } from '../disk/disk.ts';
import { makeInitramfs } from '../disk/initramfs.ts';
import { requireLines } from '../kconfig.ts';
import { writeUBoot } from '../u-boot/write.ts';
import { buildFolder, builtPaths, deviceTreeFile, imageFiles, uBootFile } from './built.ts';
import { configuredFiles } from './configured.ts';

const [images = '', name = ''] = process.argv.slice(2);
const board = await loadBoard(name);
const { config, build, target } = builtPaths(process.env);
const date = Number(process.env.SOURCE_DATE_EPOCH ?? Math.floor(Date.now() / 1000));

await checkFragments('linux', 'BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES');
await checkFragments('busybox', 'BR2_PACKAGE_BUSYBOX_CONFIG_FRAGMENT_FILES');
await checkFragments('uboot', 'BR2_TARGET_UBOOT_CONFIG_FRAGMENT_FILES');

const work = join(images, '.skyminer');
const log = join(build, 'skyminer-disk.log');
await rm(work, { recursive: true, force: true });
await mkdir(work);
await makeInitramfs(join(images, imageFiles.initramfs), join(work, 'initramfs'), {
  // Static: see buildroot-external/busybox.config. Its kernels find disks without modules.
  ...{ busybox: join(target, 'usr/bin/busybox'), modules: [], date, log },
});
const uBoot = join(work, 'u-boot.bin');
await writeUBoot(join(images, uBootFile(board)), board, uBoot);
const deviceTree = deviceTreeFile(board);
await makeDisk(join(work, 'disk'), board, {
  kernel: join(images, imageFiles.kernel),
  deviceTree: deviceTree && join(images, deviceTree),
  initramfs: join(images, imageFiles.initramfs),
  squashfs: join(images, imageFiles.squashfs),
  ...{ uBoot, date, log },
});
await rename(join(work, 'disk/skyminer.img'), join(images, 'skyminer.img'));
await rm(work, { recursive: true });
await writeFile(
  join(images, imageFiles.description),
  `${JSON.stringify({ version: await version(), date })}\n`,
);

/** Kconfig drops without a word what it does not know or what something else decides. */
async function checkFragments(packageName: string, symbol: string): Promise<void> {
  const made = await readFile(join(await buildFolder(build, packageName), '.config'), 'utf8');
  for (const file of await configuredFiles(config, symbol))
    requireLines(await readFile(file, 'utf8'), made, file);
}

async function version(): Promise<string> {
  const text = await readFile(join(target, 'usr/lib/os-release'), 'utf8');
  return /^IMAGE_VERSION="([^"]+)"$/m.exec(text)?.[1] ?? '';
}
