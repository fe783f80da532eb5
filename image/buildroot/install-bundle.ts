/** `install-bundle.ts BUNDLE TARGET_DIR`: installs what `npm run build` has made, in place of what it made before. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HOME, installBundle } from '../runtime.ts';

const [bundle = '', target = ''] = process.argv.slice(2);
const home = join(target, HOME);
await mkdir(home, { recursive: true });
for (const name of await readdir(home))
  if (name !== 'node_modules') await rm(join(home, name), { recursive: true });
await installBundle(target, bundle);
