import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hasSocat } from './pty.ts';
import { PtyProgram } from './pty-program.ts';

const CHILD = join(import.meta.dirname, 'tty-child.ts');

describe.skipIf(!hasSocat)('Terminal of a program on a tty (needs socat)', () => {
  const start = () =>
    PtyProgram.start('tty=$(tty); echo "$tty"; "$NODE" "$CHILD"; echo "status $?"; stty -a', {
      NODE: process.execPath,
      CHILD,
    });

  it('edits, runs, and leaves the tty as it was', async () => {
    await using program = await start();
    await program.transcript.waitFor(/> $/);
    program.type('echo lsat\x1b[D\x1b[D\x14 word\x7f\x7f\x7f\x7f\x7f\r');
    await program.transcript.waitFor(/\nlast\r\n> $/);
    program.type('\x04');
    const rest = await program.transcript.waitFor(/ended: eof\r\n.*-echoprt/s);
    expect(rest).toMatch(/status 0\r\n.* icanon.* echo /s);
  });

  it('takes Ctrl-C as a key, while a command floods a terminal that blocks', async () => {
    await using program = await start();
    await program.transcript.waitFor(/> $/);
    program.type('flood\r');
    await program.transcript.waitFor(/flood 2000\r\n/);
    program.type('\x03');
    await program.transcript.waitFor(/\^C\r\n.*> $/s);
    program.type('echo alive\r');
    await program.transcript.waitFor(/\nalive\r\n/);
  });

  it('draws the line again when the window changes its width', async () => {
    await using program = await start();
    const tty = (await program.transcript.waitFor(/\/dev\/pts\/\d+/)).trim();
    await program.transcript.waitFor(/> $/);
    program.type(`echo ${'w'.repeat(60)}`);
    await program.transcript.waitFor(/w{60}$/);
    await promisify(execFile)('stty', ['-F', tty, 'cols', '40']);
    expect(await program.transcript.waitFor(/<w+$/)).toMatch(/> <w{18}$/);
  });
});
