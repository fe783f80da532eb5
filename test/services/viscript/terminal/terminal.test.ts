import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasSocat } from './pty.ts';
import { Session } from './session.ts';

const CTRL_C = '\x03';
const CTRL_D = '\x04';

describe.skipIf(!hasSocat)('Terminal on a real pty (needs socat)', () => {
  let session: Session;
  beforeEach(async () => {
    session = await Session.open({ greeting: 'welcome' });
  });
  afterEach(() => session[Symbol.asyncDispose]());

  it('greets, runs a typed line and changes the case of nothing', async () => {
    expect(session.transcript.text).toMatch(/^welcome\r\n/);
    expect(await session.command("echo Hello 'Big  World' ÄÖ")).toContain('Hello Big  World ÄÖ\r\n');
    expect(session.host.ran).toEqual([['echo', 'Hello', 'Big  World', 'ÄÖ']]);
  });

  it('says where a quote is not closed and goes on', async () => {
    expect(await session.command('echo "abc')).toContain('error: the quote " is not closed (column 6)');
    expect(session.terminal.status).toBe(2);
    await session.command('echo ok');
    expect(session.host.ran).toEqual([['echo', 'ok']]);
    expect(session.terminal.status).toBe(0);
  });

  it('shows the error of a command that breaks', async () => {
    expect(await session.command('fail')).toContain('error: it broke');
    expect(session.terminal.status).toBe(1);
  });

  it('leaves with Ctrl-D on an empty line only', async () => {
    session.type(`ab${CTRL_D}`);
    await session.settle();
    session.type(`\x15${CTRL_D}`);
    expect(await session.ended).toBe('eof');
  });

  it('leaves when the host says quit', async () => {
    session.type('quit\r');
    expect(await session.ended).toBe('quit');
  });

  it('ends when the line goes away, also in the middle of a command', async () => {
    session.type('hold\r');
    await session.transcript.waitFor(/holding/);
    await session.unplug();
    expect(await session.ended).toBe('closed');
  });

  it('clears the line on Ctrl-C', async () => {
    session.type(`echo not this${CTRL_C}`);
    await session.transcript.waitFor(/\^C\r\n.*> $/s);
    await session.command('echo this');
    expect(session.host.ran).toEqual([['echo', 'this']]);
  });

  it('cancels the running command on Ctrl-C and forgets what was typed before it', async () => {
    session.type('hold\r');
    await session.transcript.waitFor(/holding/);
    session.type(`echo never\r${CTRL_C}`);
    await session.transcript.waitFor(/\^C\r\ncancelled\r\n.*> $/s);
    await session.command('echo after');
    expect(session.host.ran).toEqual([['hold'], ['echo', 'after']]);
  });

  it('ends an endless output on Ctrl-C', async () => {
    session.type('flood\r');
    await session.transcript.waitFor(/flood 1000\r\n/);
    session.type(CTRL_C);
    await session.transcript.waitFor(/\^C\r\n.*> $/s);
  });

  it('leaves a command that ignores Ctrl-C on the second one', async () => {
    session.type('deaf\r');
    await session.transcript.waitFor(/deaf\r\n/);
    session.type(CTRL_C);
    await session.transcript.waitFor(/\^C/);
    session.type(CTRL_C);
    await session.transcript.waitFor(/leaving it behind\r\n.*> $/s);
    expect(session.terminal.status).toBe(130);
    expect(await session.command('echo alive')).toContain('alive');
  });

  it('keeps lines typed ahead and runs them in order', async () => {
    session.type('hold\r');
    await session.transcript.waitFor(/holding/);
    session.type('echo 1\recho 2\recho 3\recho unfini');
    session.host.release();
    await session.transcript.waitFor(/1\r\n.*2\r\n.*3\r\n.*> echo unfini$/s);
    session.type('shed\r');
    await session.transcript.waitFor(/\nunfinished\r\n/);
    expect(session.host.ran.map((words) => words[1])).toEqual([undefined, '1', '2', '3', 'unfinished']);
  });

  it('gives lines to a command that asks for them and shows its question', async () => {
    session.type('ask\r');
    await session.transcript.waitFor(/name\? /);
    session.type('Wörld\r');
    await session.transcript.waitFor(/hello Wörld\r\n.*> $/s);
    expect((await session.screen()).rows).toContain('name? Wörld');
    session.type(`ask\rone\recho two\r`);
    await session.transcript.waitFor(/hello one\r\n.*two\r\n.*> $/s);
    expect(session.host.ran).toEqual([['ask'], ['ask'], ['echo', 'two']]);
  });

  it('ends the input of a command with Ctrl-D, and the command with Ctrl-C', async () => {
    session.type(`cat\ra\r${CTRL_D}`);
    await session.transcript.waitFor(/got a\r\n.*> $/s);
    session.type(`cat\rb\r`);
    await session.transcript.waitFor(/got b\r\n/);
    session.type(CTRL_C);
    await session.transcript.waitFor(/\^C\r\n/);
  });

  it('prints notices above the line being edited', async () => {
    session.type('echo ha');
    await session.transcript.waitFor(/echo ha$/);
    session.terminal.notice('an app has gone');
    await session.transcript.waitFor(/gone\r\n.*> echo ha$/s);
    session.type('lf\r');
    await session.transcript.waitFor(/\nhalf\r\n/);
    expect((await session.screen()).rows.slice(0, 4)).toEqual([
      'welcome',
      'an app has gone',
      '> echo half',
      'half',
    ]);
  });

  it('puts the prompt on a line of its own after output without a newline', async () => {
    session.type('print abc\r');
    await session.transcript.waitFor(/\nabc\r\n.*> $/s);
  });

  it('redraws on Ctrl-L after kernel messages have run into the line, and runs the right line', async () => {
    session.type('echo one two');
    await session.transcript.waitFor(/two$/);
    const screen = await session.screen();
    const seen = session.transcript.bytes.length;
    await screen.write('[ 12.3] usb 1-1: new device\r\n[ 12.4] and more');
    session.type('\x0c three');
    await session.transcript.waitFor(/\[2J.*three$/s);
    await screen.write(session.transcript.bytes.subarray(seen));
    expect(screen.lastRow).toBe('> echo one two three');
    session.type('\r');
    await session.transcript.waitFor(/\none two three\r\n/);
  });
});

describe.skipIf(!hasSocat)('Terminal under hard input on a real pty (needs socat)', () => {
  it('runs every line of a paste of 100 KB, in order, whatever the reader does', async () => {
    await using session = await Session.open();
    const lines = Array.from({ length: 2000 }, (_, n) => `echo ${n} ${'x'.repeat(40)}`);
    expect(lines.join('\r').length).toBeGreaterThan(90_000);
    session.type(`\x1b[200~${lines.join('\n')}\n\x1b[201~`);
    await session.transcript.waitFor(/\n1999 x+\r\n/, 25_000);
    expect(session.host.ran.map((words) => words[1])).toEqual(lines.map((_, n) => String(n)));
  });

  it('takes a line of exactly 1 MiB and refuses a longer one with a clear error', async () => {
    await using session = await Session.open();
    const fits = `echo ${'y'.repeat(1024 * 1024 - 5)}`;
    session.type(fits);
    session.type('\r');
    await session.transcript.waitFor(/y\r\n(.*\n)?.*> $/, 25_000);
    expect(session.host.ran[0]?.[1]).toHaveLength(1024 * 1024 - 5);

    session.type(`${fits}z\r`);
    await session.transcript.waitFor(
      /error: the line is longer than 1048576 characters: not run\r\n> $/,
      25_000,
    );
    expect(session.host.ran).toHaveLength(1);
    expect(await session.command('echo alive')).toContain('alive');
  });

  it('drops bytes that are no text and keeps the line whole: NUL of a BREAK, noise, torn UTF-8', async () => {
    await using session = await Session.open();
    session.type(
      Buffer.concat([Buffer.from('echo a'), Buffer.from([0, 0, 0xff, 0xfe, 0xc3]), Buffer.from('b é\0')]),
    );
    session.type('\r');
    await session.transcript.waitFor(/\nab é\r\n/);
  });

  it('survives a megabyte of random bytes', async () => {
    await using session = await Session.open();
    // No Ctrl-D: at an empty line it would rightly leave.
    const noise = Buffer.from(
      Array.from({ length: 1024 * 1024 }, (_, n) => (n * n * 31 + n * 7 + (n >> 8)) & 0xff),
    );
    session.type(noise.filter((byte) => byte !== 4));
    session.type(`${CTRL_C}\x1b[201~${CTRL_C}`);
    session.type('echo alive\r');
    await session.transcript.waitFor(/\nalive\r\n/, 25_000);
  });

  it('works on a terminal that knows no escape sequences', async () => {
    await using session = await Session.open({ dumb: true });
    session.type('echo abcd\x01\x06\x06\x06\x06\x06\x04\x05\x7f\r');
    await session.transcript.waitFor(/\nbc\r\n> $/);
    expect(session.transcript.text).not.toContain('\x1b');
  });
});
