import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandError, run } from '../../image/run.ts';
import { StepError, type StepsOptions, showSteps } from '../../image/steps.ts';

let folder: string;
let shown: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steps é '));
  shown = '';
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

function steps(options: Partial<StepsOptions> = {}) {
  const output = { write: (text: string) => (shown += text) };
  return showSteps({ logs: join(folder, 'logs'), output, ...options });
}

describe('a step', () => {
  it('becomes one line with its seconds, its last note and what was cached', async () => {
    const result = await steps().step('Compress the root', 'Free some disk.', async (step) => {
      step.note('10 %');
      step.cached('kernel');
      step.cached('packages');
      step.note('78 MB');
      return 42;
    });
    expect(result).toBe(42);
    expect(shown).toMatch(/^✓ Compress the root +\d+\.\d s {2}78 MB · cached: kernel, packages\n$/);
  });

  it('shows the last lines of its log and one remedy when it fails', async () => {
    const work = steps().step('Partition the disk', 'Free some disk.', async (step) => {
      await appendFile(step.log, Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join(''));
      throw new Error('no space left');
    });
    await expect(work).rejects.toBeInstanceOf(StepError);
    await expect(work).rejects.toThrow('Partition the disk: no space left');
    expect(shown).toMatch(/^✗ Partition the disk +\d+\.\d s\n {4}line 86\n/);
    expect(shown).toContain('    line 99\n    no space left\n');
    expect(shown.trimEnd().split('\n').at(-1)).toBe('  What to do: Free some disk.');
  });

  it('is reported once when a step around it fails with it', async () => {
    const all = steps();
    const outer = all.step('Outer', 'Outer remedy.', () =>
      all.step('Inner', 'Inner remedy.', async () => {
        throw new Error('broken');
      }),
    );
    await expect(outer).rejects.toMatchObject({ title: 'Inner', remedy: 'Inner remedy.' });
    expect(shown.match(/What to do/g)).toHaveLength(1);
    expect(shown).toContain('✗ Outer');
  });

  it('begins with an empty log of its own, also beside others', async () => {
    const all = steps();
    const logs = await Promise.all(
      ['Same title', 'Same title'].map((title) => all.step(title, '', async ({ log }) => log)),
    );
    expect(new Set(logs).size).toBe(2);
    for (const log of logs) expect(await readFile(log, 'utf8')).toBe('');
  });
});

describe('the output', () => {
  it('has no escape sequence without a terminal', async () => {
    await steps().step('Plain', '', async (step) => step.note('done'));
    expect(shown).not.toContain('\x1b');
  });

  it('has no colour on a terminal with NO_COLOR', async () => {
    vi.stubEnv('NO_COLOR', '1');
    await steps({ terminal: true }).step('Plain', '', async () => undefined);
    expect(shown).toContain('\x1b[1A\x1b[0J✓ Plain');
    expect(shown).not.toContain('\x1b[32m');
  });

  it('redraws a running step in place on a terminal, cut to its width', async () => {
    const output = { write: (text: string) => (shown += text), isTTY: true, columns: 40 };
    await steps({ output, color: false }).step('Long', '', async (step) => step.note('x'.repeat(100)));
    const running = shown.split('\n').filter((line) => line.includes('…'));
    expect(running.length).toBeGreaterThan(0);
    for (const line of running) expect(line.replace('\x1b[1A\x1b[0J', '').length).toBeLessThan(40);
  });
});

describe('run', () => {
  it('returns standard output and keeps both streams in the log', async () => {
    const log = join(folder, 'run.log');
    const { stdout } = await run('sh', ['-c', 'cat; echo warned >&2'], { log, input: 'hello' });
    expect(stdout).toBe('hello');
    const logged = await readFile(log, 'utf8');
    expect(logged).toMatch(/^\$ sh -c .*\n/);
    expect(logged).toContain('hello');
    expect(logged).toContain('warned');
  });

  it('says what failed, how, and its last lines', async () => {
    const failing = run('sh', ['-c', 'seq 100; exit 3']);
    await expect(failing).rejects.toBeInstanceOf(CommandError);
    await expect(failing).rejects.toMatchObject({ status: 3 });
    await expect(failing).rejects.toThrow(/^sh exited with status 3\n81\n(\d+\n)*100$/);
  });

  it('tells a missing command from a failed one', async () => {
    await expect(run('no-such-command', [])).rejects.toThrow('no-such-command was not found');
  });

  it('ends a command when it is aborted', async () => {
    const abort = new AbortController();
    const running = run('sleep', ['600'], { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toThrow('aborted');
  });

  it('hands over each line as it comes', async () => {
    const lines: string[] = [];
    await run('printf', ['one\\ntwo'], { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['one', 'two']);
  });
});
