import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ImageError } from './error.ts';
import { listDirectories, readWords, repository } from './files.ts';
import { readLocal } from './local-file.ts';
import type { EnvironmentChanges } from './u-boot/environment.ts';

/** All that the image builder knows of a board: what stands in `board/NAME/`. */
export interface Board {
  name: string;
  /** Folder with its genimage.cfg, and perhaps packages.txt and modules.txt. */
  directory: string;
  /** Debian's name of the architecture. */
  architecture: 'arm64';
  /** Where the kernel's messages go, as in `console=` on its command line. */
  console: string;
  /** What else the board's kernel is told on its command line. */
  kernelArguments: string[];
  /** Path below the kernel package's device trees; undefined: the firmware hands one over. */
  deviceTree: string | undefined;
  initramfsModules: string[];
  packages: string[];
  modules: string[];
  /** The hardware watchdog: its kernel module, and how long in seconds systemd may be silent before it resets the board. */
  watchdog: { module: string; seconds: number };
  uBoot: UBootSource & {
    /** What is changed in the environment that it has compiled in. */
    environment: EnvironmentChanges;
  };
}

/** Where a board's U-Boot comes from: `file` is what is written to its disk, or what QEMU starts. */
export type UBootSource =
  /** A package that the machine that builds has installed. */
  | { from: 'host'; package: string; file: string }
  /** A package of the release that the image is made of. */
  | { from: 'package'; package: string; file: string }
  /** Compiled from the source package `u-boot` of that release, with the lines of `u-boot.config` in the board's folder. */
  | { from: 'source'; defconfig: string; file: string; trustedFirmware: { package: string; file: string } };

const packaged = { package: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/), file: z.string() };
const environment = {
  environment: z
    .record(z.string().regex(/^[a-z_][a-z0-9_]*$/), z.union([z.string().regex(/^[\x20-\x7e]*$/), z.null()]))
    .default({}),
};

const boardSchema = z.strictObject({
  architecture: z.literal('arm64'),
  console: z.string().regex(/^[A-Za-z0-9,]+$/),
  // They stand in a line of U-Boot's script: no quotes, nothing that it would take for a variable or another command.
  kernel_arguments: z.array(z.string().regex(/^[A-Za-z0-9_.,:=/-]+$/)).default([]),
  devicetree: z.string().nullable(),
  initramfs_modules: z.array(z.string().regex(/^[a-z0-9_]+$/)),
  watchdog: z.strictObject({
    module: z.string().regex(/^[a-z0-9_]+$/),
    seconds: z.int().min(1).max(65_535),
  }),
  uboot: z.discriminatedUnion('from', [
    z.strictObject({ from: z.literal('host'), ...packaged, ...environment }),
    z.strictObject({ from: z.literal('package'), ...packaged, ...environment }),
    z.strictObject({
      from: z.literal('source'),
      defconfig: z.string().regex(/^[A-Za-z0-9_-]+$/),
      file: z.string(),
      trusted_firmware: z.strictObject(packaged),
      ...environment,
    }),
  ]),
});

/**
 * A board, with what a local file (default: local.yaml) adds to all of them.
 *
 * @throws ImageError when there is no such board, or a file is wrong
 */
export async function loadBoard(name: string, localFile?: string): Promise<Board> {
  const boards = await listDirectories(join(repository, 'board'));
  if (!boards.includes(name)) {
    throw new ImageError(`There is no board "${name}". Boards: ${boards.join(', ')}.`);
  }
  const directory = join(repository, 'board', name);
  const file = join(directory, 'board.yaml');
  const parsed = boardSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new ImageError(`${file}: ${z.prettifyError(parsed.error)}`);
  const { architecture, console, kernel_arguments, devicetree, initramfs_modules, watchdog, uboot } =
    parsed.data;
  const local = await readLocal(localFile);
  return {
    name,
    directory,
    architecture,
    console,
    kernelArguments: kernel_arguments,
    deviceTree: devicetree ?? undefined,
    initramfsModules: initramfs_modules,
    packages: [...(await readWords(join(directory, 'packages.txt'), 'optional')), ...local.packages],
    modules: [...(await readWords(join(directory, 'modules.txt'), 'optional')), ...local.modules],
    watchdog,
    uBoot: uBootOf(uboot),
  };
}

function uBootOf(parsed: z.infer<typeof boardSchema>['uboot']): Board['uBoot'] {
  if (parsed.from !== 'source') return parsed;
  const { trusted_firmware: trustedFirmware, ...rest } = parsed;
  return { ...rest, trustedFirmware };
}
