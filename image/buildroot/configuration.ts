import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Board } from '../board-file.ts';
import { ImageError } from '../error.ts';
import { repository } from '../files.ts';
import { requireLines } from '../kconfig.ts';
import { run } from '../run.ts';

/** The folder that Buildroot is told of as BR2_EXTERNAL. */
export const external = join(repository, 'buildroot-external');

/** Buildroot's names of boards. */
const NAMES: Readonly<Record<string, string>> = {
  'orangepi-prime': 'orangepi_prime',
  'qemu-aarch64': 'qemu_aarch64_virt',
};

/** The configurations of `buildroot-external/configs`: what all boards have, and then what each has, by their paths. */
export async function defconfigs(): Promise<Map<string, string>> {
  const fragment = (name: string) => readFile(join(external, 'fragments', `${name}.config`), 'utf8');
  const common = await fragment('common');
  const made = await Promise.all(
    Object.values(NAMES).map(async (name): Promise<[string, string]> => {
      const settings = `${common}\n${await fragment(name)}`.replaceAll(
        /^#(?! BR2_\w+ is not set$).*\n/gm,
        '',
      );
      return [`configs/skyminer_${name}_defconfig`, settings.replaceAll(/\n\n+/g, '\n')];
    }),
  );
  return new Map(made);
}

/** The name of a board's configuration for `make`. @throws ImageError when it has none */
export function defconfigOf({ name }: Pick<Board, 'name'>): string {
  const known = NAMES[name];
  if (known === undefined)
    throw new ImageError(
      `Buildroot has no configuration for the board "${name}". It has: ${Object.keys(NAMES).join(', ')}.`,
    );
  return `skyminer_${known}_defconfig`;
}

export interface ConfigureOptions {
  tree: string;
  output: string;
  board: Pick<Board, 'name'>;
  /** Lines of this machine's own, laid over all others. */
  local: string;
  environment: NodeJS.ProcessEnv;
  log: string;
}

/**
 * Configures a folder for Buildroot's output. Lines that come out otherwise than they were asked for are errors: something that
 * they depend on has changed.
 *
 * @throws ImageError naming the lines
 */
export async function configure({
  tree,
  output,
  board,
  local,
  environment,
  log,
}: ConfigureOptions): Promise<void> {
  const name = defconfigOf(board);
  const make = (target: string) =>
    run('make', ['-C', tree, `O=${output}`, `BR2_EXTERNAL=${external}`, target], { log, env: environment });
  await make(name);
  const file = join(output, '.config');
  const asked = await readFile(join(external, 'configs', name), 'utf8');
  requireLines(asked, await readFile(file, 'utf8'), name);
  const lines = `${local}\n${primarySite(environment)}`;
  if (lines.trim() === '') return;
  await appendFile(file, lines);
  await make('olddefconfig');
  requireLines(lines, await readFile(file, 'utf8'), 'local.yaml');
}

/** Writes the configurations anew from their fragments. */
export async function writeDefconfigs(): Promise<void> {
  for (const [path, text] of await defconfigs()) await writeFile(join(external, path), text);
}

/** A mirror that is asked before the sites of upstream: a setting, which Buildroot does not read from the environment. */
function primarySite({ BR2_PRIMARY_SITE: site }: NodeJS.ProcessEnv): string {
  return site ? `BR2_PRIMARY_SITE=${JSON.stringify(site)}\n` : '';
}
