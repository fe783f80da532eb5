import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ImageError } from './error.ts';
import { listDirectories, readWords, repository } from './files.ts';
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
  /** Path below the kernel package's device trees; undefined: the firmware hands one over. */
  deviceTree: string | undefined;
  initramfsModules: string[];
  packages: string[];
  modules: string[];
  /** The hardware watchdog: its kernel module, and how long in seconds systemd may be silent before it resets the board. */
  watchdog: { module: string; seconds: number };
  uBoot: {
    package: string;
    file: string;
    /** What is changed in the environment that it has compiled in. */
    environment: EnvironmentChanges;
  };
}

const boardSchema = z.strictObject({
  architecture: z.literal('arm64'),
  console: z.string().regex(/^[A-Za-z0-9,]+$/),
  devicetree: z.string().nullable(),
  initramfs_modules: z.array(z.string().regex(/^[a-z0-9_]+$/)),
  watchdog: z.strictObject({
    module: z.string().regex(/^[a-z0-9_]+$/),
    seconds: z.int().min(1).max(65_535),
  }),
  uboot: z.strictObject({
    package: z.string(),
    file: z.string(),
    environment: z
      .record(z.string().regex(/^[a-z_][a-z0-9_]*$/), z.union([z.string().regex(/^[\x20-\x7e]*$/), z.null()]))
      .default({}),
  }),
});

/** @throws ImageError when there is no such board, or its file is wrong */
export async function loadBoard(name: string): Promise<Board> {
  const boards = await listDirectories(join(repository, 'board'));
  if (!boards.includes(name)) {
    throw new ImageError(`There is no board "${name}". Boards: ${boards.join(', ')}.`);
  }
  const directory = join(repository, 'board', name);
  const file = join(directory, 'board.yaml');
  const parsed = boardSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new ImageError(`${file}: ${z.prettifyError(parsed.error)}`);
  const { architecture, console, devicetree, initramfs_modules, watchdog, uboot } = parsed.data;
  return {
    name,
    directory,
    architecture,
    console,
    deviceTree: devicetree ?? undefined,
    initramfsModules: initramfs_modules,
    packages: await readWords(join(directory, 'packages.txt'), 'optional'),
    modules: await readWords(join(directory, 'modules.txt'), 'optional'),
    watchdog,
    uBoot: uboot,
  };
}
