import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundle } from '../../build-bundle.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { PtyProgram } from '../../services/viscript/terminal/pty-program.ts';

const program = join(import.meta.dirname, 'on-terminal.ts');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mesh-tty-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe.skipIf(!hasSocat)('a mesh on a terminal (needs socat)', () => {
  it.each([
    { name: 'q', keys: 'q' },
    { name: 'Ctrl-C', keys: '\x03' },
  ])('shows its map and its links until $name, and leaves the terminal as it was', async ({ keys }) => {
    await using terminal = await PtyProgram.start('"$NODE" "$PROGRAM" "$BUNDLE"; echo "status $?"; stty -a', {
      ...{ NODE: process.execPath, PROGRAM: program, BUNDLE: bundle, TMPDIR: folder, NO_COLOR: '1' },
    });
    await terminal.transcript.waitFor(/\[\?1049h/, 60_000);
    await terminal.transcript.waitFor(/curl --socks5-hostname.*● node1.*● node2.*node1 – node2 /s, 60_000);
    terminal.type(keys);
    await terminal.transcript.waitFor(/\[\?1049l.*status 0\r\n.* icanon.* echo /s, 30_000);
    expect(await readdir(folder)).toEqual(['logs']);
  });
});
