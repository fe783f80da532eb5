import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeError, encodeNotification, encodeResult } from '../../services/signal/codec.ts';

const program = join(import.meta.dirname, '../../image/rootfs-overlay/usr/lib/viscript/show-run.awk');

/** What the line front end of SSH makes of the supervisor's messages. */
function show(...messages: string[]) {
  const input = messages.map((message) => `${message}\n`).join('');
  const { status, stdout, stderr } = spawnSync('mawk', ['-W', 'interactive', '-f', program], { input });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

const hello = encodeResult(1, { version: '1', host: 'board', uptime: 1, apps: 0 });
const output = (stream: string, text: string) =>
  encodeNotification('command.output', { run: 1, stream, text });
const ended = (status: number) => encodeResult(2, { status });

it('shows every text exactly as the command wrote it', () => {
  const texts = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(texts, (parts) => {
      const shown = show(hello, ...parts.map((part) => output('stdout', part)), ended(0));
      expect(shown).toEqual({ status: 0, stdout: parts.join(''), stderr: '' });
    }),
    { numRuns: 100 },
  );
});

it('gives errors to standard error, and the status of the command', () => {
  const shown = show(hello, output('stdout', 'half\n'), output('stderr', 'no app "x"\n'), ended(1));
  expect(shown).toEqual({ status: 1, stdout: 'half\n', stderr: 'no app "x"\n' });
});

it('takes the answers in any order: a look at a busy board may outlast the command', () => {
  const shown = { status: 0, stdout: 'all\n', stderr: '' };
  expect(show(output('stdout', 'all\n'), ended(0), hello)).toEqual(shown);
  expect(show(output('stdout', 'all\n'), ended(0))).toEqual(shown);
  expect(show(output('stderr', 'wrong\n'), ended(2), hello)).toMatchObject({ status: 100, stderr: '' });
});

it('leaves to the command line what it cannot do itself, and shows nothing of it', () => {
  const left = { status: 100, stdout: '', stderr: '' };
  expect(show()).toEqual(left);
  expect(show(hello, output('stderr', 'there is no command\n'), ended(2))).toEqual(left);
  const reads = encodeNotification('command.reads', { run: 1 });
  expect(show(hello, reads, output('stdout', 'attached\n'), ended(0))).toEqual(left);
});

it('says when the supervisor goes away in the middle, and does not run the command again', () => {
  const shown = show(hello, output('stdout', 'half\n'));
  expect(shown).toMatchObject({ status: 1, stdout: 'half\n' });
  expect(shown.stderr).toMatch(/went away/);
  expect(show(hello, encodeError(2, { code: -32000, message: 'busy' }))).toMatchObject({ status: 1 });
});
