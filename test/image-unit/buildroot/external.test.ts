import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBoard } from '../../../image/board-file.ts';
import { defconfigOf, defconfigs, external } from '../../../image/buildroot/configuration.ts';
import { packageFiles } from '../../../image/buildroot/npm-packages.ts';
import { repository } from '../../../image/files.ts';
import { CommandError, run } from '../../../image/run.ts';
import { readBoardLock } from '../../../image/runtime.ts';

const inTree = (path: string) => readFile(join(external, path), 'utf8');

describe('buildroot-external/', () => {
  it('has its configurations as the fragments have them', async () => {
    const made = await defconfigs();
    expect((await readdir(join(external, 'configs'))).map((name) => `configs/${name}`).sort()).toEqual(
      [...made.keys()].sort(),
    );
    for (const [path, text] of made) expect(await inTree(path), `npm run docs writes ${path}`).toBe(text);
  });

  it('takes the npm packages of package-lock.json, with their hashes', async () => {
    const licence = await readFile(join(repository, `node_modules/node-linux-${process.arch}/LICENSE`));
    for (const [path, text] of packageFiles(await readBoardLock(), licence))
      expect(await inTree(path), `npm run docs writes ${path}`).toBe(text);
  });

  it('names its version as package.json does', async () => {
    const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    expect(await inTree('package/skyminer-runtime/skyminer-runtime.mk')).toContain(
      `SKYMINER_RUNTIME_VERSION = ${version}\n`,
    );
  });

  it('compiles into the emulated board’s U-Boot what its file says of the environment', async () => {
    const { uBoot } = await loadBoard('qemu-aarch64');
    const { bootcmd, bootdelay } = uBoot.environment;
    const lines = (await inTree('u-boot/virt.config')).split('\n');
    expect(lines).toContain(`CONFIG_BOOTCOMMAND=${JSON.stringify(bootcmd)}`);
    expect(lines).toContain(`CONFIG_BOOTDELAY=${bootdelay}`);
  });

  it('has no configuration for a board that it does not know, and says which it has', () => {
    expect(() => defconfigOf({ name: 'nanopi-neo2' })).toThrow(/It has: orangepi-prime, qemu-aarch64/);
  });

  it('is written in Kconfig’s language', async (context) => {
    const program = [
      'import os, sys, kconfiglib',
      'os.environ["BR2_EXTERNAL_SKYMINER_PATH"] = sys.argv[1]',
      'config = kconfiglib.Kconfig(sys.argv[1] + "/Config.in", warn_to_stderr=False)',
      'print(" ".join(symbol.name for symbol in config.unique_defined_syms))',
      'print("\\n".join(warning for warning in config.warnings if "undefined" not in warning))',
    ].join('\n');
    const python = (code: string) => run('/usr/bin/python3', ['-c', code, external]);
    try {
      await python('import kconfiglib');
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      context.skip('python3-kconfiglib is not installed');
    }
    const names = ['NODE_BIN', 'SKYMINER_MODULES', 'SKYMINER_RUNTIME'].map((name) => `BR2_PACKAGE_${name}`);
    expect((await python(program)).stdout.trim()).toBe(names.join(' '));
  });
});
