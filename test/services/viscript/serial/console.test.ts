import { describe, expect, it } from 'vitest';
import { hasSocat } from '../terminal/pty.ts';
import { VirtualScreen } from '../terminal/screen-of.ts';
import { Rig } from './rig.ts';

const VERSION = /viscript 1\.2\.3 .*\r\n/;
const PROMPT = /viscript@board1> $/;

describe.skipIf(!hasSocat)('runSerialConsole on a pair of lines (needs socat)', () => {
  it('greets with name, slot, uptime and things to try, and runs commands', async () => {
    await using rig = await Rig.open();
    const greeting = await rig.transcript.waitFor(PROMPT);
    expect(greeting).toMatch(/board1 +slot A +up 1m 1s/);
    expect(greeting).toContain('help');
    rig.type('apps\r');
    expect(await rig.transcript.waitFor(PROMPT)).toContain('echo - says again what it hears\r\n');
    expect(rig.statuses).toEqual([`on ${rig.pair.near}`]);
  });

  it('greets again after Ctrl-D and after exit: a serial line cannot be left', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    for (const leave of ['\x04', 'exit\r']) {
      rig.type(leave);
      expect(await rig.transcript.waitFor(PROMPT)).toContain('slot A');
    }
  });

  it('comes back when the line has vanished and is there again', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    for (let time = 0; time < 3; time += 1) {
      rig.type('half a comm');
      await rig.transcript.waitFor(/half a comm$/);
      await rig.replug();
      await rig.transcript.waitFor(PROMPT);
      rig.type('version\r');
      expect(await rig.transcript.waitFor(VERSION)).not.toContain('comm');
      await rig.transcript.waitFor(PROMPT);
    }
  });

  it('comes back when the line is pulled in the middle of a command', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type('start -a echo\r');
    await rig.transcript.waitFor(/Added external app \(ID: (\d+)/);
    await rig.replug();
    await rig.transcript.waitFor(PROMPT);
    rig.type('la\r');
    await rig.transcript.waitFor(/\[ 1 \] -> \[ .*cat \]/);
  });

  it('waits for a device that is not there yet, and says so', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    await rig.unplug();
    await expect.poll(() => rig.statuses.at(-1)).toMatch(/^waiting for .*cannot open .*No such file/);
    await rig.plugIn();
    await rig.transcript.waitFor(PROMPT);
    expect(rig.statuses.at(-1)).toBe(`on ${rig.pair.near}`);
  });

  it('loses nothing of a paste of 100 KB, even while nobody reads the answers', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    const lines = Array.from({ length: 1200 }, (_, n) => `nothing-${n}-${'x'.repeat(75)}`);
    rig.read(false);
    rig.type(`${lines.join('\r')}\r`);
    rig.read(true);
    await rig.transcript.waitFor(/no command 'nothing-1199-x+'/, 60_000);
    const answered = [...rig.transcript.text.matchAll(/no command 'nothing-(\d+)-x{75}'/g)];
    expect(answered.map(([, number]) => Number(number))).toEqual(lines.map((_, n) => n));
  }, 90_000);

  it('keeps the line whole through BREAK and line noise', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type(Buffer.from([...Buffer.from('ver'), 0, 0, 0xff, 0, 0x80, ...Buffer.from('sion'), 0, 13]));
    await rig.transcript.waitFor(VERSION);
  });

  it('runs the right line after a kernel message has run into it, and shows it again on Ctrl-L', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type('vers');
    await rig.transcript.waitFor(/vers$/);
    const screen = new VirtualScreen();
    await screen.write(`${rig.transcript.text}[ 42.0] mmc0: card removed\r\n`);
    const seen = rig.transcript.bytes.length;
    rig.type('\x0cion');
    await rig.transcript.waitFor(/version$/);
    await screen.write(rig.transcript.bytes.subarray(seen));
    expect(screen.rows.at(-1)).toBe('viscript@board1> version');
    rig.type('\r');
    await rig.transcript.waitFor(VERSION);
  });

  it('asks the terminal nothing and is not confused by answers nobody asked for', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type('ver\x1b[24;80R\x1b]11;rgb:0000/0000/0000\x07\x1bP1$r0m\x1b\\sion\r');
    await rig.transcript.waitFor(VERSION);
    // CSI n, c and > c ask for something.
    expect(rig.transcript.text).not.toMatch(/\[[>\d]*[cn]/);
  });
});

describe.skipIf(!hasSocat)('runSerialConsole without a supervisor (needs socat)', () => {
  const DOWN = /viscript is down> $/;

  it('says so, shows the end of the log, offers restart and reboot, and connects by itself', async () => {
    await using rig = await Rig.open({ up: false });
    const text = await rig.transcript.waitFor(DOWN);
    expect(text).toContain('viscript is down: ');
    expect(text).toMatch(/first words\r\n +last words/);
    expect(text).toMatch(/its unit is activating .* it last ended with status 7; the reason is exit-code/);
    expect(text).toMatch(/its config is wrong: .*config\.yaml:3:\d+: /);
    expect(text).toMatch(/restart .*\r\n *reboot /);
    await rig.supervisorUp();
    expect(await rig.transcript.waitFor(PROMPT)).toContain('slot A');
  });

  it('greets first when the supervisor comes within the patience it was given', async () => {
    await using rig = await Rig.open({ up: false, patienceMs: 60_000 });
    await rig.supervisorUp();
    expect(await rig.transcript.waitFor(PROMPT)).toContain('slot A');
    expect(rig.transcript.text).not.toContain('is down');
  });

  it('says that it is down when the patience is over', async () => {
    await using rig = await Rig.open({ up: false, patienceMs: 300 });
    expect(await rig.transcript.waitFor(DOWN)).toContain('last words');
  });

  it('ends at once when it is told to while it is patient', async () => {
    await using rig = await Rig.open({ up: false, patienceMs: 3_600_000 });
    await rig.stop();
    expect(rig.transcript.text).not.toContain('is down');
  });

  it('tells when the supervisor goes in the middle of a line, and keeps the line', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type('vers');
    await rig.transcript.waitFor(/vers$/);
    await rig.supervisorDown();
    expect(await rig.transcript.waitFor(/viscript is down> vers$/)).toContain('last words');
    await rig.supervisorUp();
    await rig.transcript.waitFor(/viscript@board1> vers$/);
    rig.type('ion\r');
    await rig.transcript.waitFor(VERSION);
  });

  it('ends a command whose supervisor goes', async () => {
    await using rig = await Rig.open();
    await rig.transcript.waitFor(PROMPT);
    rig.type('start -a echo\r');
    await rig.transcript.waitFor(/Added external app/);
    await rig.supervisorDown();
    await rig.transcript.waitFor(/error: .*\r\n/);
    await rig.transcript.waitFor(DOWN);
  });

  it('restarts, reboots, switches off and helps meanwhile, and refuses everything else', async () => {
    await using rig = await Rig.open({ up: false });
    await rig.transcript.waitFor(DOWN);
    rig.type('restart\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('systemd says yes');
    rig.type('reboot\r');
    await rig.transcript.waitFor(DOWN);
    rig.type('poweroff\r');
    await rig.transcript.waitFor(DOWN);
    expect(await rig.done()).toBe('restarted\nrebooted\nswitched off\n');
    rig.type('apps\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('Only these work until it is back');
    rig.type('he\t\r');
    expect(await rig.transcript.waitFor(DOWN)).toContain('restart the whole board');
  });
});
