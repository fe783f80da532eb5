import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { scratchFolder } from '../signal/support.ts';
import { bundle } from './support.ts';

it('goes on when nobody reads its log any more', async () => {
  const folder = await scratchFolder();
  const config = join(folder, 'config.yaml');
  await writeFile(config, 'apps:\n  sleeper: { path: sleep, default_args: ["1000"] }\n');
  const program = join(bundle, 'viscript.js');
  const env = {
    ...process.env,
    VISCRIPT_RUNTIME_DIR: join(folder, 'run'),
    XDG_STATE_HOME: join(folder, 'state'),
  };
  const supervisor = spawn(process.execPath, [program, '--headless', '--config', config], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void supervisor.kill('SIGKILL'));
  const exited = once(supervisor, 'exit');
  // Leaving the loop closes the pipe.
  for await (const chunk of supervisor.stderr) if (String(chunk).includes('ready:')) break;
  const viscript = (...words: string[]) =>
    promisify(execFile)(process.execPath, [program, ...words], { env });
  await writeFile(config, 'apps: nonsense\n');
  await expect(viscript('reload')).rejects.toMatchObject({ code: 1 });
  await viscript('start', 'sleeper');
  expect((await viscript('la')).stdout).toContain('sleep');
  supervisor.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
