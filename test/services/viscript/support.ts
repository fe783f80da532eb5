import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadConfig, parseConfig } from '../../../services/viscript/config/index.ts';
import { readStat } from '../../../services/viscript/launcher/proc.ts';
import { ProcessLauncher } from '../../../services/viscript/launcher/process.ts';
import type { Launch, LaunchState } from '../../../services/viscript/supervisor/launch.ts';
import type { RestartBackoffOptions } from '../../../services/viscript/supervisor/restart-backoff.ts';
import { newRunName, Supervisor } from '../../../services/viscript/supervisor/supervisor.ts';
import { bundle } from '../../build-bundle.ts';

export const root = resolve(import.meta.dirname, '../../..');
export const signalApp = join(root, 'test/fixtures/signal-app.ts');

export { bundle };

/** A private folder that is removed with `await using`. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'viscript-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface TestSupervisor extends AsyncDisposable {
  supervisor: Supervisor;
  folder: string;
  /** What the supervisor logged. */
  log: string[];
  writeConfig(yaml: string): Promise<void>;
}

/** A real supervisor on real processes, from the text of a config file; everything ends with `await using`. */
export async function startSupervisor(
  yaml: string,
  backoff: RestartBackoffOptions = {},
): Promise<TestSupervisor> {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'config.yaml');
  await writeFile(file, yaml);
  const log: string[] = [];
  const supervisor = new Supervisor({
    config: parseConfig(yaml, file),
    loadConfig,
    launcher: new ProcessLauncher(newRunName()),
    runtimeDirectory: folder.path,
    stateDirectory: join(folder.path, 'state'),
    libraryDirectory: bundle,
    log: (line) => log.push(line),
    backoff,
  });
  await supervisor.start();
  return {
    supervisor,
    folder: folder.path,
    log,
    writeConfig: (text) => writeFile(file, text),
    async [Symbol.asyncDispose]() {
      await supervisor.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when the launch is in the state, at once if it is already. */
export function inState(launch: Launch, state: LaunchState): Promise<void> {
  return until(launch, () => launch.state === state);
}

/** Resolves when the condition holds, looked at whenever the launch changes. */
export function until(launch: Launch, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!condition()) return;
      launch.off('change', check);
      resolve();
    };
    launch.on('change', check);
    check();
  });
}

/** Resolves with the first line the launch writes that matches, past ones included. */
export function lineOf(launch: Launch, pattern: RegExp): Promise<string> {
  const past = launch.output.last(1000).find(({ text }) => pattern.test(text));
  if (past) return Promise.resolve(past.text);
  return new Promise((resolve) => {
    const check = ({ text }: { text: string }) => {
      if (!pattern.test(text)) return;
      launch.output.off('line', check);
      resolve(text);
    };
    launch.output.on('line', check);
  });
}

/** Whether a process runs; one that has ended and only waits for its parent (a zombie) does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readStat(pid);
  return stat !== undefined && stat.state !== 'Z';
}
