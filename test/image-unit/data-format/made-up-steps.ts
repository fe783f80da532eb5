import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bringToFormat } from '../../../image/data-format/format.ts';
import type { FormatStep } from '../../../image/data-format/steps.ts';

/** Two steps as there might be: one that replaces a folder by another, one that adds to what is there. */
export const made: readonly FormatStep[] = [
  {
    touches: ['viscript', 'history'],
    async forward(data) {
      const lines = (await readFile(join(data, 'viscript/history'), 'utf8')).trimEnd().split('\n').length;
      await mkdir(join(data, 'history'), { recursive: true });
      await writeFile(join(data, 'history/lines'), String(lines));
      await rm(join(data, 'viscript'), { recursive: true });
    },
  },
  {
    touches: ['apps/b'],
    async forward(data) {
      await mkdir(join(data, 'apps/b'), { recursive: true });
      await writeFile(join(data, 'apps/b/file'), 'made by step 2');
    },
  },
];

if (import.meta.main) {
  const [data = '', count = '0'] = process.argv.slice(2);
  process.stdout.write('begun\n');
  await bringToFormat(data, made.slice(0, Number(count)));
}
