/** Writes what `buildroot-external/` has from elsewhere: configurations from their fragments, packages from package-lock.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { external, writeDefconfigs } from '../image/buildroot/configuration.ts';
import { packageFiles } from '../image/buildroot/npm-packages.ts';
import { repository } from '../image/files.ts';
import { readBoardLock } from '../image/runtime.ts';

await writeDefconfigs();
const licence = await readFile(join(repository, `node_modules/node-linux-${process.arch}/LICENSE`));
for (const [path, text] of packageFiles(await readBoardLock(), licence))
  await writeFile(join(external, path), text);
