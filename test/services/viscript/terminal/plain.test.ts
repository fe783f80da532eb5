import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { History } from '../../../../services/viscript/terminal/history.ts';
import { Terminal, type TerminalEnd } from '../../../../services/viscript/terminal/terminal.ts';
import { TestHost } from './test-host.ts';

describe('Terminal without a terminal', () => {
  it('runs plain lines and writes nothing but output', async () => {
    const { output, host, end } = await run('echo Hello\n\n# nothing\r\necho "two  words"\r\necho last');
    expect(output).toBe('Hello\ntwo  words\nlast\n');
    expect(host.ran).toHaveLength(3);
    expect(end).toBe('eof');
  });

  it('gives the lines after a command to it when it reads them, and runs the rest', async () => {
    const { output, host } = await run('ask\nWorld\necho next\ncat\na\nb\n');
    expect(output).toBe('name? hello World\nnext\ngot a\ngot b\n');
    expect(host.ran).toEqual([['ask'], ['echo', 'next'], ['cat']]);
  });

  it('stops at quit', async () => {
    const { host, end } = await run('quit\necho never\n');
    expect(end).toBe('quit');
    expect(host.ran).toEqual([['quit']]);
  });

  it('refuses what is no line, and runs the lines after it', async () => {
    const bad = [
      Buffer.from('echo \xff\n', 'latin1'),
      'echo a\0b\n',
      'echo "a\n',
      `echo ${'x'.repeat(2 ** 20)}\n`,
      'echo ok\n',
    ];
    const { output, host, status } = await run(Buffer.concat(bad.map((line) => Buffer.from(line))));
    expect(output).toBe(
      [
        'error: the line is not UTF-8: not run',
        'error: control character in the line (column 7): not run',
        'error: the quote " is not closed (column 6)',
        'error: the line is longer than 1048576 characters: not run',
        'ok',
        '',
      ].join('\n'),
    );
    expect(host.ran).toEqual([['echo', 'ok']]);
    expect(status).toBe(0);
  });

  it('keeps the status of the last command', async () => {
    expect((await run('echo fine\nfail\n')).status).toBe(1);
    expect((await run('fail\necho "\n')).status).toBe(2);
  });

  it('does not read ahead of a command that takes long, and loses no output to a slow reader', async () => {
    const { output } = await run(
      Array.from({ length: 3000 }, (_, n) => `echo ${n} ${'y'.repeat(100)}\n`).join(''),
    );
    expect(output.split('\n')).toHaveLength(3001);
  });
});

interface Outcome {
  output: string;
  host: TestHost;
  end: TerminalEnd;
  status: number;
}

async function run(lines: string | Buffer): Promise<Outcome> {
  const input = new PassThrough();
  const output = new PassThrough();
  const host = new TestHost();
  const history = await History.open(undefined);
  const terminal = new Terminal({ input, output, host, history, color: false, terminal: false });
  const ended = terminal.run().finally(() => output.end());
  input.end(lines);
  const written = await text(output);
  return { output: written, host, end: await ended, status: terminal.status };
}
