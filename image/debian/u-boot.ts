import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../board-file.ts';
import { hashFiles } from '../cache.ts';
import { ImageError } from '../error.ts';
import { isMissing } from '../files.ts';
import type { RootRequest } from '../source.ts';
import { extractPackages } from './extract.ts';
import type { Package, SourcePackage } from './manifest.ts';
import type { ChosenPackages } from './packages.ts';
import { buildUBoot, compilerVersion } from './u-boot-build.ts';

/** The lines in a board's folder by which its U-Boot differs from its defconfig. */
export const UBOOT_CONFIG = 'u-boot.config';

/** Packages of the image's release that a board's U-Boot is made of; none of them gets into the root. */
export function uBootPackages({ uBoot }: Board): string[] {
  if (uBoot.from === 'package') return [uBoot.package];
  return uBoot.from === 'source' ? [uBoot.trustedFirmware.package] : [];
}

/** Source packages that are compiled for a board. */
export function sourcesFor({ uBoot }: Board): string[] {
  return uBoot.from === 'source' ? ['u-boot'] : [];
}

/** A board's U-Boot as it was built or packaged. @returns its file, and what identifies it */
export async function stageUBoot(
  { board, cache, steps }: RootRequest,
  chosen: ChosenPackages,
): Promise<{ file: string; key: string }> {
  const { uBoot } = board;
  if (uBoot.from === 'host') return { file: uBoot.file, key: await hashInstalled(uBoot) };
  const code = await hashFiles(
    ['u-boot.ts', 'u-boot-build.ts', 'extract.ts', '../kconfig.ts'].map((name) =>
      join(import.meta.dirname, name),
    ),
  );
  if (uBoot.from === 'package')
    return steps.step('Take U-Boot from its package', 'See the log.', async (step) => {
      const entry = the(chosen.manifest.packages, uBoot.package);
      const made = await cache.folder('u-boot', [entry.sha256, uBoot.file, code], async (folder) => {
        await copyFile(await unpacked(chosen.debOf(entry), uBoot.file, folder), join(folder, 'u-boot'));
      });
      step.note(entry.version);
      if (made.hit) step.cached('U-Boot');
      return { file: join(made.path, 'u-boot'), key: made.key };
    });
  const remedy = 'See the log. A line of u-boot.config that this U-Boot does not know is named at its end.';
  return steps.step('Compile U-Boot', remedy, async (step) => {
    const source = the(chosen.manifest.sources, 'u-boot');
    const firmware = the(chosen.manifest.packages, uBoot.trustedFirmware.package);
    const config = join(board.directory, UBOOT_CONFIG);
    const inputs = [
      ...[source.files.map(({ sha256 }) => sha256), firmware.sha256, uBoot, chosen.manifest.date],
      ...[await hashFiles([config]), await compilerVersion(), code],
    ];
    const made = await cache.folder('u-boot', inputs, async (folder) => {
      const bl31 = await unpacked(chosen.debOf(firmware), uBoot.trustedFirmware.file, folder);
      await buildUBoot(join(folder, 'u-boot'), {
        ...{ archives: chosen.archivesOf(source), defconfig: uBoot.defconfig, config, bl31 },
        ...{ file: uBoot.file, date: chosen.manifest.date, log: step.log },
      });
    });
    step.note(source.version);
    if (made.hit) step.cached('U-Boot');
    return { file: join(made.path, 'u-boot'), key: made.key };
  });
}

async function hashInstalled(uBoot: { package: string; file: string }): Promise<string> {
  try {
    return await hashFiles([uBoot.file]);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new ImageError(`${uBoot.file} is missing: install the package ${uBoot.package}.`, { cause: error });
  }
}

/** Unpacks one file of a package. @returns its path */
async function unpacked(deb: string, file: string, folder: string): Promise<string> {
  await extractPackages([deb], folder, { only: [`.${file}`] });
  return join(folder, file);
}

function the<T extends Package | SourcePackage>(entries: readonly T[], name: string): T {
  const found = entries.find((entry) => entry.name === name);
  if (found === undefined)
    throw new ImageError(
      `The manifest has no ${name}, which this board's U-Boot is made of: build without it.`,
    );
  return found;
}
