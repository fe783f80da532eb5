import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfAny } from '../../image/files.ts';
import { run } from '../../image/run.ts';
import type { Births } from './births.ts';
import { type Command, timeCommand } from './process.ts';
import { IDLE_APPS, PROBE, type SupervisorUnderTest } from './supervisor.ts';

const PM2_VERSION = '7.0.4';

/** Installs PM2 in a folder of its own, unless it is there. @returns its program */
export async function installPm2(folder: string, log: string): Promise<string> {
  const program = join(folder, 'node_modules/pm2/bin/pm2');
  const manifest = JSON.stringify({ private: true, dependencies: { pm2: PM2_VERSION } });
  const installed = await readTextIfAny(join(folder, 'installed'));
  if (installed === manifest) return program;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), manifest);
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, log });
  await writeFile(join(folder, 'installed'), manifest);
  return program;
}

export interface Pm2Options {
  /** PM2's program, run by this process's Node. */
  program: string;
  /** Where PM2 keeps sockets, logs and process ids. */
  folder: string;
  births: Births;
}

/** PM2 as its manual has it; an app that crashes is started again at once and for ever. */
export class Pm2 implements SupervisorUnderTest {
  readonly name = `PM2 ${PM2_VERSION}`;
  readonly list: Command;
  readonly startProbe: Command;
  readonly #options: Pm2Options;

  constructor(options: Pm2Options) {
    this.#options = options;
    this.list = this.#command('list');
    this.startProbe = this.#command('start', PROBE);
  }

  async start(): Promise<void> {
    const { folder, births } = this.#options;
    await mkdir(folder, { recursive: true });
    const apps = [...IDLE_APPS, PROBE].map((name) => {
      const [script, ...args] = births.commandOf(name);
      return { name, script, args, interpreter: 'none', exec_mode: 'fork', max_restarts: 1_000_000 };
    });
    const file = join(folder, 'ecosystem.json');
    await writeFile(file, JSON.stringify({ apps }));
    const running = Promise.all(apps.map(({ name }) => births.next(name)));
    await Promise.all([running, timeCommand(this.#command('start', file))]);
    await this.stopProbe();
  }

  async daemonPids(): Promise<number[]> {
    return [Number(await readFile(join(this.#options.folder, 'pm2.pid'), 'utf8'))];
  }

  async stopProbe(): Promise<void> {
    await timeCommand(this.#command('stop', PROBE));
  }

  async close(): Promise<void> {
    await timeCommand(this.#command('kill'));
  }

  #command(...args: string[]): Command {
    const { program, folder } = this.#options;
    const env = { PM2_HOME: folder, PM2_DISABLE_VERSION_CHECK: 'true', PM2_DISCRETE_MODE: 'true' };
    return { file: process.execPath, args: [program, ...args], env };
  }
}
