import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../image/run.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { PtyProgram } from '../../services/viscript/terminal/pty-program.ts';

const program = join(import.meta.dirname, '../../../scripts/run.ts');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-cmd-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!hasSocat)('./scripts/run --local --nodes 3 on a terminal (needs socat)', () => {
  it('says what to type to fetch a page through the mesh, which brings it, and ends on Ctrl-C', async () => {
    await using terminal = await PtyProgram.start(
      'stty cols 120 rows 45; "$NODE" "$PROGRAM" --local --nodes 3; echo "status $?"',
      { NODE: process.execPath, PROGRAM: program, TMPDIR: folder, NO_COLOR: '1' },
    );
    const line = /curl --socks5-hostname \S+ http:\/\/[\d.:]+\//;
    const shown = await terminal.transcript.waitFor(line, 90_000);
    const [command = ''] = line.exec(shown) ?? [];
    const { stdout: page } = await eventually(() => run('sh', ['-c', command]));
    expect(page).toContain('This page came through the mesh.');
    // The page came by the one relay that there is.
    await terminal.transcript.waitFor(/node1 · node2 · node3/, 60_000);
    terminal.type('\x03');
    await terminal.transcript.waitFor(/status 0\r\n/, 30_000);
    expect(await readdir(folder)).toEqual([]);
  });
});

/** On a busy machine the mesh may need a moment more than the line that is shown: whoever typed it would type it again. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}
