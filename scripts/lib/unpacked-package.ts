import { access, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../image/files.ts';
import { run } from '../../image/run.ts';
import { root } from './program.ts';

/**
 * Finds a program of a Debian package that has a server start on all addresses of the machine, at once and at every boot,
 * when it is installed. Where it is not, it is unpacked below `out/` and nothing else.
 *
 * @param program its path when installed
 * @returns its path, and the folder in which the package's other files lie
 * @throws {CommandError} when the package can be had from no mirror
 */
export async function unpackedProgram(
  name: string,
  program: string,
): Promise<{ file: string; folder: string }> {
  if (await exists(program)) return { file: program, folder: '/' };
  const folder = join(root, 'out/unpacked', name);
  const file = join(folder, program);
  if (!(await exists(file))) await unpack(name, folder);
  return { file, folder };
}

export async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function unpack(name: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const staging = await mkdtemp(join(folder, 'download-'));
  try {
    await run('apt-get', ['download', '-q', name], { cwd: staging });
    const [archive = ''] = await readdir(staging);
    await run('dpkg-deb', ['-x', join(staging, archive), folder]);
  } finally {
    await rm(staging, { recursive: true });
  }
}
