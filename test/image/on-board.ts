import { join } from 'node:path';
import { build } from 'esbuild';
import { supported } from '../../scripts/build.ts';

const repository = join(import.meta.dirname, '../..');

/** A program of the tests with all that it imports, as one file for a board's Node.js. */
export async function bundled(program: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: repository,
    entryPoints: [program],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    supported,
    external: ['koffi'],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
  return outputFiles[0]?.text ?? '';
}
