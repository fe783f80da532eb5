import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findExecutable } from '../../../../services/viscript/supervisor/executable.ts';

describe('what is executed', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'executable-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('gives a script the flags of its first line', async () => {
    expect(await leadingOf('#!/usr/bin/env -S node --initial-old-space-size=96 --jitless\n')).toEqual([
      '--initial-old-space-size=96',
      '--jitless',
    ]);
  });

  it.each([
    ['no first line of this kind', 'console.log(1);\n'],
    ['an empty script', ''],
    ['a first line without flags', '#!/usr/bin/env node\n'],
    ['another program', '#!/usr/bin/env -S sh --login\n'],
    ['what are no flags', '#!/usr/bin/env -S node other.js --flag\n'],
    ['a first line without an end', `#!/usr/bin/env -S node --flag=${'x'.repeat(300)}`],
  ])('takes none from %s', async (_, content) => {
    expect(await leadingOf(content)).toEqual([]);
  });

  /** Arguments before the script. */
  async function leadingOf(content: string): Promise<string[]> {
    const script = join(folder, 'app.js');
    await writeFile(script, content);
    const places = { libraryDirectory: folder, configFile: join(folder, 'config.yaml'), path: '' };
    const app = { name: 'app', path: './app.js' } as Parameters<typeof findExecutable>[0];
    const { file, leading } = findExecutable(app, places);
    expect(file).toBe(process.execPath);
    expect(leading.at(-1)).toBe(script);
    return leading.slice(0, -1);
  }
});
