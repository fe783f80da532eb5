import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { hasSocat } from '../terminal/pty.ts';
import { Rig } from './rig.ts';

const PASSPHRASE = 'correct horse battery';
const ASKED = /Passphrase of this console: $/;
const PROMPT = /viscript@board1> $/;
const DOWN = /viscript is down> $/;

describe.skipIf(!hasSocat)('a console with a passphrase (needs socat)', () => {
  it('asks for it before anything else, shows nothing of it, and lets who has it in', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE });
    expect(await rig.transcript.waitFor(ASKED)).not.toMatch(/board1|Skyminer/);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(PROMPT);
    rig.type('apps\r');
    expect(await rig.transcript.waitFor(PROMPT)).toContain('echo');
    // Nor is it a line to go back to.
    rig.type('\x10\x10\x10');
    rig.type('\x03');
    await rig.transcript.waitFor(PROMPT);
    expect(rig.transcript.text + rig.rescueLog.join() + rig.statuses.join()).not.toContain('horse');
  });

  it('makes who gives a wrong one wait, takes nothing that is typed meanwhile, and then lets the right one in', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE });
    await rig.transcript.waitFor(ASKED);
    rig.type('wrong\r');
    await rig.transcript.waitFor(/not the passphrase\.\r\nThe next try is in 1 s\.\r\n/);
    rig.type(`${PASSPHRASE}\r`);
    expect(await rig.transcript.waitFor(ASKED)).not.toMatch(PROMPT);
    expect(rig.rescueLog).toHaveLength(1);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(PROMPT);
  });

  it('goes on with the wait after the console was unplugged or ended', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE });
    await rig.transcript.waitFor(ASKED, 30_000);
    for (const wait of [1, 2, 4, 8]) {
      rig.type('wrong\r');
      await rig.transcript.waitFor(new RegExp(`next try is in ${wait} s`));
      if (wait < 8) await rig.transcript.waitFor(ASKED, 30_000);
    }
    await rig.replug();
    await rig.transcript.waitFor(/next try is in [1-8] s/);
    await rig.transcript.waitFor(ASKED, 30_000);
    rig.type('wrong\r');
    await rig.transcript.waitFor(/next try is in 16 s/);
    await rig.stop();
    rig.startConsole();
    await rig.transcript.waitFor(/next try is in \d+ s/);
    await rig.transcript.waitFor(ASKED, 30_000);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(PROMPT);
  }, 120_000);

  it('asks again after logout, Ctrl-D, and unplugging', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE });
    for (const leave of [() => rig.type('logout\r'), () => rig.type('\x04'), () => rig.replug()]) {
      await rig.transcript.waitFor(ASKED, 60_000);
      rig.type(`${PASSPHRASE}\r`);
      await rig.transcript.waitFor(PROMPT, 60_000);
      await leave();
    }
    await rig.transcript.waitFor(ASKED, 60_000);
  });

  it('logs out who types nothing, also while a command goes on', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE, idleMs: 700 });
    await rig.transcript.waitFor(ASKED);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(PROMPT);
    rig.type('start -a echo\r');
    await rig.transcript.waitFor(/Nobody typed anything for a while: logged out/);
    await rig.transcript.waitFor(ASKED);
  });

  it('gives a shell to who gives it once more, and to nobody else', async () => {
    await using rig = await Rig.open({ passphrase: PASSPHRASE, up: false });
    await rig.transcript.waitFor(ASKED);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(DOWN);
    rig.type('shell\r');
    await rig.transcript.waitFor(ASKED);
    rig.type('wrong\r');
    await rig.transcript.waitFor(/not the passphrase: the next try is in 1 s/);
    expect(rig.rescueLog).not.toContain('shell ttyS0');
    await rig.transcript.waitFor(ASKED);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(DOWN);
    rig.type('shell\r');
    await rig.transcript.waitFor(ASKED);
    rig.type(`${PASSPHRASE}\r`);
    await rig.transcript.waitFor(/The shell comes/);
    expect(rig.rescueLog).toContain('shell ttyS0');
  });
});

describe.skipIf(!hasSocat)('the rescue menu (needs socat)', () => {
  it('shows what going back to the config that worked changes, and goes back when told to', async () => {
    const good = 'apps:\n  echo: {path: /bin/cat}\n';
    await using rig = await Rig.open({ up: false, lastGood: good });
    await rig.transcript.waitFor(DOWN);
    rig.type('previous\r');
    expect(await rig.transcript.waitFor(/Type yes: $/)).toMatch(/\n {3}echo: .*\r\n- {2}broken\r\n/);
    rig.type('no\r');
    await rig.transcript.waitFor(DOWN);
    const broken = await readFile(rig.config, 'utf8');
    expect(broken).toContain('broken');
    rig.type('previous\r');
    await rig.transcript.waitFor(/Type yes: $/);
    rig.type('yes\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('systemd says yes');
    expect(await readFile(rig.config, 'utf8')).toBe(good);
    expect(await readFile(`${rig.config}.broken`, 'utf8')).toBe(broken);
    rig.type('previous\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('the reason lies elsewhere');
  });

  it('says so when no config is known that worked', async () => {
    await using rig = await Rig.open({ up: false });
    await rig.transcript.waitFor(DOWN);
    rig.type('previous\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('no config is known that worked');
  });

  it('restarts from the other slot when told to', async () => {
    await using rig = await Rig.open({ up: false });
    await rig.transcript.waitFor(DOWN);
    rig.type('other\r');
    await rig.transcript.waitFor(/Type yes: $/);
    rig.type('yes\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('starting slot B');
    expect(await rig.done()).toBe('rebooted\n');
  });

  it('gives no shell without a passphrase', async () => {
    await using rig = await Rig.open({ up: false });
    await rig.transcript.waitFor(DOWN);
    rig.type('shell\r');
    await rig.transcript.waitFor(/error: this board has no console passphrase.*no shell/);
    await rig.transcript.waitFor(DOWN);
    expect(rig.rescueLog).toEqual([]);
  });
});
