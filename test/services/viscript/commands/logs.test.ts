import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../../services/viscript/commands/command.ts';
import { Grep } from '../../../../services/viscript/commands/grep.ts';
import { formatLogTime, parseLogTime } from '../../../../services/viscript/commands/log-time.ts';
import { runCommand } from '../../../../services/viscript/commands/table.ts';
import { startSupervisor, type TestSupervisor } from '../support.ts';

const config = `
apps:
  talker: { path: sh, restart: "no" }
  other: { path: sh, restart: "no" }
`;

let test: TestSupervisor;

beforeEach(async () => {
  test = await startSupervisor(config);
});

afterEach(() => test[Symbol.asyncDispose]());

/** Nobody types. */
async function* nothing(): AsyncGenerator<string> {
  yield* [];
}

async function logs(words: string[], onText: (text: string) => void = () => undefined, signal?: AbortSignal) {
  const output = { stdout: '', stderr: '' };
  const machine = {
    ...{ version: '0', host: 'here', slot: undefined, slotReason: undefined, lastEnd: undefined },
    ...{ uptime: () => 0, troubles: async () => [] },
    temperatures: async () => [],
    slots: async () => undefined,
  };
  const status = await runCommand(['logs', ...words], {
    ...{ supervisor: test.supervisor, machine, json: false, color: false, columns: 0, input: nothing() },
    signal: signal ?? new AbortController().signal,
    bytes: () => undefined,
    drained: async () => undefined,
    quit: () => undefined,
    write(stream, text) {
      output[stream] += text;
      onText(text);
    },
  });
  return { status, ...output };
}

async function say(app: string, ...lines: string[]): Promise<void> {
  const launch = await test.supervisor.launch(app, ['-c', `printf '%s\\n' "$@"`, 'sh', ...lines]);
  await launch.ended;
}

describe('logs', () => {
  it('shows the lines of all launches of an app, of one launch, or of all apps with their names', async () => {
    await say('talker', 'first');
    await say('other', 'between');
    await say('talker', 'second');
    expect((await logs(['talker'])).stdout).toMatch(/^[-\d]+ [\d:.]+ first\n[-\d]+ [\d:.]+ second\n$/);
    expect((await logs(['3'])).stdout).toMatch(/^\S+ \S+ second\n$/);
    expect((await logs([])).stdout).toMatch(
      /talker\[1\]: first\n.*other\[2\]: between\n.*talker\[3\]: second\n$/,
    );
  });

  it('shows the last COUNT of the lines that match, as text or as JSON', async () => {
    await say('talker', 'one apple', 'a pear', 'two apples', 'three APPLES', 'the end.');
    expect((await logs(['talker', '--grep', 'apple', '-n', '1'])).stdout).toMatch(/^\S+ \S+ two apples\n$/);
    const found = await logs(['talker', '--grep', '^t.*(?i:apples)$', '--json']);
    const lines = found.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ app, id, stream, text }) => [app, id, stream, text])).toEqual([
      ['talker', 1, 'stdout', 'two apples'],
      ['talker', 1, 'stdout', 'three APPLES'],
    ]);
    expect((await logs(['talker', '-n', '0'])).stdout).toBe('');
  });

  it('shows lines between two times', async () => {
    await say('talker', 'before');
    const [line] = test.supervisor.over[0]?.output.last(1) ?? [];
    const time = line?.time ?? 0;
    expect((await logs(['talker', '--since', formatLogTime(time)])).stdout).toContain('before');
    expect((await logs(['talker', '--since', new Date(time + 1).toISOString()])).stdout).toBe('');
    expect((await logs(['talker', '--until', new Date(time - 1).toISOString()])).stdout).toBe('');
    expect((await logs(['talker', '--since', '1h', '--until', '0s'])).stdout).toContain('before');
    expect((await logs(['talker', '--until', '1h'])).stdout).toBe('');
  });

  it('goes on with new lines of the app, those of its later launches among them, until it is cancelled', async () => {
    await say('talker', 'past yes');
    const launch = await test.supervisor.launch('talker', [
      '-c',
      'while read -r line; do echo "$line"; done',
    ]);
    const abort = new AbortController();
    const seen: string[] = [];
    const ended = logs(
      ['-f', '--grep', 'yes'],
      (text) => {
        seen.push(text.replace(/^\S+ \S+ /, '').trim());
        if (text.includes('more yes')) void say('other', 'yes from another');
        if (text.includes('another')) abort.abort();
      },
      abort.signal,
    );
    launch.write('no\nmore yes\n');
    expect((await ended).status).toBe(0);
    expect(seen).toEqual(['talker[1]: past yes', 'talker[2]: more yes', 'other[3]: yes from another']);
  });

  it('is not hung by a bad pattern, and says what is wrong', async () => {
    await say('talker', `${'a'.repeat(60)}!`);
    const { status, stderr } = await logs(['talker', '--grep', '^(a+)+$']);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining('takes too long') });
  });

  it.each([
    ['--grep', '('],
    ['--grep', 'x'.repeat(1001)],
    ['--since', 'yesterday'],
    ['--until', '2026-13-45'],
    ['-n', '-1'],
    ['-n', '1e3'],
    ['-f', '--until', '1h'],
  ])('refuses %s %s', async (...words) => {
    expect((await logs(['talker', ...words])).status).toBe(2);
  });

  it('says that an app or a launch is unknown', async () => {
    expect((await logs(['nobody'])).status).toBe(1);
    expect((await logs(['77'])).status).toBe(1);
  });
});

describe('a time', () => {
  const now = Date.parse('2026-01-31T12:00:00Z');
  it.each([
    ['10m', now - 600_000],
    ['2h', now - 7_200_000],
    ['1d12h', now - 129_600_000],
    ['90s', now - 90_000],
    ['2026-01-31', Date.parse('2026-01-31T00:00:00Z')],
    ['2026-01-31 11:59', now - 60_000],
    ['2026-01-31T12:00:00.5', now + 500],
    ['2026-01-31T13:00+01:00', now],
  ])('%s is read', (text, time) => expect(parseLogTime('--since', text, now)).toBe(time));

  it.each(['', 'm', '10', '-5m', '10x', '31.1.2026', '2026-1-31', '99:00'])('%j is none', (text) => {
    expect(() => parseLogTime('--since', text, now)).toThrow(UsageError);
  });
});

it('a pattern that is slow on each of many lines gives up within its time in all', async () => {
  const slow = new Grep('^(a+)+$');
  const lines = Array.from({ length: 100_000 }, () => ({ text: `${'a'.repeat(16)}!` }));
  await expect(slow.filter(lines)).rejects.toThrow('takes too long');
});
