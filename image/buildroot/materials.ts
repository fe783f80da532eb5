import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Materials } from '../materials/component.ts';
import { run } from '../run.ts';

/**
 * What Buildroot says of what it has built: its own manifest of licences (`make legal-info`, whose folder also holds the licences'
 * texts and the sources), and a CycloneDX bill of materials (utils/generate-cyclonedx).
 *
 * @param tree the folder with Buildroot
 * @param output its output
 * @param env of the build
 */
export async function billOfMaterials(
  tree: string,
  output: string,
  { log, env }: { log: string; env: NodeJS.ProcessEnv },
): Promise<Materials> {
  await run('make', ['-C', output, 'legal-info'], { log, env });
  const manifest = (await run('make', ['--silent', '--no-print-directory', '-C', output, 'show-info']))
    .stdout;
  const sbom = (await run(join(tree, 'utils/generate-cyclonedx'), [], { input: manifest })).stdout;
  const licences = await readFile(join(output, 'legal-info/manifest.csv'), 'utf8');
  return { manifest, sbom, licences };
}
