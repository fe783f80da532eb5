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
    expect(await commandOf('#!/usr/bin/env -S node --initial-old-space-size=96 --jitless\n')).toEqual([
      process.execPath,
      '--initial-old-space-size=96',
      '--jitless',
    ]);
  });

  it('gives a script the variables of its first line', async () => {
    expect(await commandOf('#!/usr/bin/env -S MALLOC_TRIM_THRESHOLD_=1 A=b node --jitless\n')).toEqual([
      '/usr/bin/env',
      'MALLOC_TRIM_THRESHOLD_=1',
      'A=b',
      process.execPath,
      '--jitless',
    ]);
  });

  it.each([
    ['no first line of this kind', 'console.log(1);\n'],
    ['an empty script', ''],
    ['a first line without flags', '#!/usr/bin/env node\n'],
    ['another program', '#!/usr/bin/env -S sh --login\n'],
    ['variables of another program', '#!/usr/bin/env -S A=b sh\n'],
    ['what is no value', '#!/usr/bin/env -S A=$B node --jitless\n'],
    ['what are no flags', '#!/usr/bin/env -S node other.js --flag\n'],
    ['a first line without an end', `#!/usr/bin/env -S node --flag=${'x'.repeat(300)}`],
  ])('takes none from %s', async (_, content) => {
    expect(await commandOf(content)).toEqual([process.execPath]);
  });

  /** What comes before the script. */
  async function commandOf(content: string): Promise<string[]> {
    const script = join(folder, 'app.js');
    await writeFile(script, content);
    const places = { libraryDirectory: folder, configFile: join(folder, 'config.yaml'), path: '' };
    const app = { name: 'app', path: './app.js' } as Parameters<typeof findExecutable>[0];
    const { file, leading } = findExecutable(app, places);
    expect(leading.at(-1)).toBe(script);
    return [file, ...leading.slice(0, -1)];
  }
});
