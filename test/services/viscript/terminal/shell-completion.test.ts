import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shellCandidates, shellCompletion } from '../../../../services/viscript/terminal/shell-completion.ts';
import { bundle } from '../support.ts';
import { hasSocat } from './pty.ts';
import { PtyProgram } from './pty-program.ts';

describe('shellCandidates', () => {
  const ask = async (words: string[], word: string) => ({ values: [`${words.join('+')}?${word}`] });

  it.each([
    [['pi'], ['?pi']],
    [['start', 'ap'], ['start?ap']],
    [['--json', '--runtime-dir', '/x', 'ping', ''], ['ping?']],
    [['--he'], ['--headless', '--help']],
    [['--config', ''], []],
    [['ser'], ['?ser', 'serial']],
    [['completion', 'z'], ['zsh']],
    [['serial', '/dev/x', '--b'], ['--baud']],
  ])('completes %j', async (words, values) => {
    expect((await shellCandidates(words, ask)).filter((value) => value !== '')).toEqual(values);
  });
});

describe.skipIf(!hasSocat)('viscript in a real bash (needs socat)', () => {
  let folder: string;
  let supervisor: ChildProcess;
  let environment: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'completion-'));
    await writeFile(
      join(folder, 'config.yaml'),
      'apps:\n  apptracker: { path: cat }\n  other: { path: cat }\n',
    );
    const entry = join(bundle, 'viscript.js');
    await writeFile(join(folder, 'viscript'), `#!/bin/sh\nexec '${process.execPath}' '${entry}' "$@"\n`, {
      mode: 0o700,
    });
    environment = { PATH: `${folder}:${process.env.PATH}`, VISCRIPT_RUNTIME_DIR: join(folder, 'run') };
    supervisor = spawn('viscript', ['--headless', '--config', join(folder, 'config.yaml')], {
      env: { ...process.env, ...environment, XDG_STATE_HOME: join(folder, 'state') },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const chunk of supervisor.stderr ?? []) if (String(chunk).includes('ready:')) break;
  });

  afterAll(async () => {
    const exited = once(supervisor, 'exit');
    supervisor.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true });
  });

  it('completes commands, apps and options, and files where nothing else fits', async () => {
    await using bash = await PtyProgram.start(
      `stty cols 200; cd ${folder}; exec bash --norc --noprofile -i`,
      {
        ...environment,
        PS1: '$ ',
      },
    );
    await bash.transcript.waitFor(/\$ $/);
    bash.type('source <(viscript completion bash); bind "set bell-style none"; echo sourc"ed"\r');
    await bash.transcript.waitFor(/\rsourced\r\n.*\$ $/);
    for (const [typed, completed] of [
      ['viscript pin\t', 'viscript ping '],
      ['viscript start app\t', 'viscript start apptracker '],
      ['viscript --json start o\t', 'viscript --json start other '],
      ['viscript --head\t', 'viscript --headless '],
      ['viscript completion z\t', 'viscript completion zsh '],
      ['viscript --config conf\t', 'viscript --config config.yaml '],
    ]) {
      bash.type(`${typed}\x01echo "<\x05>"\r`);
      await bash.transcript.waitFor(new RegExp(`\\r<${completed}>\\r\\n`));
    }
  });
});

describe('shellCompletion', () => {
  it('is a script that bash can read', async () => {
    const bash = spawn('bash', ['-n'], { stdio: ['pipe', 'ignore', 'inherit'] });
    bash.stdin.end(shellCompletion('bash'));
    expect(await once(bash, 'exit')).toEqual([0, null]);
  });
});
