import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { History } from '../../../../services/viscript/terminal/history.ts';
import { hasSocat } from './pty.ts';
import { Session } from './session.ts';

const LEFT = '\x1b[D';
const UP = '\x1b[A';
const DOWN = '\x1b[B';
const CTRL_LEFT = '\x1b[1;5D';
const CTRL_RIGHT = '\x1b[1;5C';
const ALT_LEFT = '\x1b[1;3D';

describe.skipIf(!hasSocat)('line editor on a real pty (needs socat)', () => {
  let session: Session;
  beforeEach(async () => {
    const history = await History.open(undefined);
    for (const line of ['echo first', 'ping Zürich', 'echo last']) await history.add(line);
    session = await Session.open({ history });
  });
  afterEach(() => session[Symbol.asyncDispose]());

  /** Types and tells what the line is then, with a bar where the cursor stands. */
  async function line(typed: string): Promise<string> {
    session.type(typed);
    await session.settle();
    const { before, after } = (await session.screen()).cursorRow;
    return `${before.slice('> '.length)}|${after}`;
  }

  it.each([
    ['inserts in the middle', `abd${LEFT}c`, 'abc|d'],
    ['goes home and to the end', 'bc\x01a\x05d', 'abcd|'],
    ['knows Home and End of several terminals', 'bc\x1b[Ha\x1bOFd\x1b[1~_\x1b[4~', '_abcd|'],
    ['goes by words with Ctrl', `one two-three${CTRL_LEFT}${CTRL_LEFT}x`, 'one x|two-three'],
    ['goes by words with Alt', `one two${ALT_LEFT}\x1bb\x1bfx`, 'onex| two'],
    ['goes forward by words', `one two\x01${CTRL_RIGHT}x`, 'onex| two'],
    ['deletes to both sides', 'abcd\x02\x02\x7f\x04', 'a|d'],
    ['kills and yanks', 'one two\x17\x19\x19', 'one twotwo|'],
    ['kills to the end and the beginning', 'one two\x1bb\x0b\x01\x19', 'two|one '],
    ['kills words', '/usr/bin/node\x1b\x7f', '/usr/bin/|'],
    ['exchanges characters', 'ab\x14', 'ba|'],
    ['undoes', 'one\x15\x1f', 'one|'],
    ['steps over a character of several parts at once', `a字e\u0301${LEFT}${LEFT}x`, 'ax|字e\u0301'],
    ['deletes a wide character whole', '字é🙂\x7f\x7f', '字|'],
    ['goes through the history', `x${UP}${UP}`, 'ping Zürich|'],
    ['comes back to what was typed', `x${UP}${UP}${DOWN}${DOWN}`, 'x|'],
    ['stops at the ends of the history', `${UP}${UP}${UP}${UP}${UP}`, 'echo first|'],
    ['takes the last word of the last line', 'ping \x1b.', 'ping last|'],
    ['searches backwards as one types', '\x12ech\x06', 'e|cho last'],
    ['searches on', '\x12ech\x12\x05', 'echo first|'],
    ['gives the search up', 'abc\x12ping\x07', 'abc|'],
    ['keeps what was typed when nothing is found', 'abc\x12nowhere\x05', 'abc|'],
    ['completes what is certain', 'pi\t', 'ping |'],
    ['completes as far as it is certain', 'a\t', 'app|'],
    ['quotes what it completes', 'my\t', 'my\\ app |'],
    ['goes on in the quotes that were begun', "'my\t", "'my app' |"],
    ['completes within the line', `ap 1${LEFT}${LEFT}p\t`, 'app| 1'],
    ['has nothing for what nobody knows', 'zzz\t', 'zzz|'],
  ])('%s', async (_, typed, expected) => {
    expect(await line(typed)).toBe(expected);
  });

  it('shows the search while it goes on', async () => {
    session.type('\x12Zü\x0c');
    await session.transcript.waitFor(/\[2J.*Zü': ping Zürich/);
    expect((await session.screen()).lastRow).toBe("(reverse-i-search)'Zü': ping Zürich");
    session.type('\r');
    await session.transcript.waitFor(/\n> $/);
    expect(session.host.ran).toEqual([['ping', 'Zürich']]);
  });

  it('lists the choices when there are several', async () => {
    expect(await line('app\t')).toBe('app|');
    expect(session.transcript.text).toContain('apps        apptracker\r\n');
  });

  it('tells when nobody answers for a completion', async () => {
    session.type('broken \t');
    await session.transcript.waitFor(/no completion: nobody answers\r\n> broken $/);
  });

  it('completes names of files and folders', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'files-'));
    try {
      await mkdir(join(folder, 'Über uns'));
      await writeFile(join(folder, 'Über uns', "it's"), '');
      await writeFile(join(folder, '.hidden'), '');
      expect(await line(`open ${folder}/\t\t`)).toBe(`open ${folder}/Über\\ uns/it\\'s |`);
      session.type('\r');
      await session.transcript.waitFor(/\n> $/);
      expect(session.host.ran).toEqual([['open', `${folder}/Über uns/it's`]]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
