import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Board } from '../board-file.ts';
import { ImageError } from '../error.ts';

/** What Buildroot tells the scripts that it runs: its manual, chapter "Customizing the generated target filesystem". */
export interface BuiltPaths {
  /** Its configuration. */
  config: string;
  build: string;
  images: string;
  target: string;
}

/** @throws ImageError when Buildroot has not started this */
export function builtPaths(environment: NodeJS.ProcessEnv): BuiltPaths {
  const { BR2_CONFIG: config, BUILD_DIR: build, BINARIES_DIR: images, TARGET_DIR: target } = environment;
  if (!config || !build || !images || !target)
    throw new ImageError(
      'Buildroot runs this, and says in BR2_CONFIG, BUILD_DIR, BINARIES_DIR and TARGET_DIR where.',
    );
  return { config, build, images, target };
}

/** Files in Buildroot's folder of images. */
export const imageFiles = {
  kernel: 'Image',
  initramfs: 'initrd',
  squashfs: 'rootfs.squashfs',
  /** What was built, and when: see `builtSchema`. */
  description: 'skyminer.json',
};

const builtSchema = z.strictObject({
  version: z.string().regex(/^[\w.+-]+$/),
  /** Seconds since 1970. */
  date: z.int().positive(),
});

export type Built = z.infer<typeof builtSchema>;

/** What post-image.ts has left about an image. @throws when it is not as it should be */
export async function readBuilt(images: string): Promise<Built> {
  return builtSchema.parse(JSON.parse(await readFile(join(images, imageFiles.description), 'utf8')));
}

/** U-Boot in Buildroot's folder of images: it has the same name as in Debian's packages. */
export function uBootFile({ uBoot }: Board): string {
  return uBoot.file.slice(uBoot.file.lastIndexOf('/') + 1);
}

/** The device tree in Buildroot's folder of images, when the board has one. */
export function deviceTreeFile({ deviceTree }: Board): string | undefined {
  return deviceTree?.slice(deviceTree.lastIndexOf('/') + 1);
}

/** The folder in which Buildroot has built a package: `linux-6.12.91`. @throws ImageError when there is not one */
export async function buildFolder(build: string, name: string): Promise<string> {
  const found = (await readdir(build)).filter((entry) => new RegExp(`^${name}-v?\\d[^/]*$`).test(entry));
  const [folder] = found;
  if (folder === undefined || found.length > 1)
    throw new ImageError(`${build} should hold one ${name}, and holds ${found.length}.`);
  return join(build, folder);
}
