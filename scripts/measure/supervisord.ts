import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Births } from './births.ts';
import { type Command, cleanEnvironment, MeasureError, timeCommand } from './process.ts';
import { IDLE_APPS, PROBE, type SupervisorUnderTest } from './supervisor.ts';

export interface SupervisordOptions {
  folder: string;
  births: Births;
  version: string;
}

/** Debian's supervisord, with `startsecs=0`: an app counts as running at once, and comes back without a delay. */
export class Supervisord implements SupervisorUnderTest {
  readonly name: string;
  readonly list: Command;
  readonly startProbe: Command;
  readonly #options: SupervisordOptions;
  readonly #configFile: string;
  #daemon: ChildProcess | undefined;

  static async versionHere(): Promise<string> {
    return (await timeCommand({ file: 'supervisord', args: ['--version'] })).stdout.trim();
  }

  constructor(options: SupervisordOptions) {
    this.#options = options;
    this.name = `supervisord ${options.version}`;
    this.#configFile = join(options.folder, 'supervisord.conf');
    this.list = this.#control('status', ...IDLE_APPS);
    this.startProbe = this.#control('start', PROBE);
  }

  async start(): Promise<void> {
    const { folder, births } = this.#options;
    await mkdir(folder, { recursive: true });
    await writeFile(this.#configFile, this.#config());
    const running = Promise.all(IDLE_APPS.map((name) => births.next(name)));
    this.#daemon = spawn('supervisord', ['--nodaemon', '--configuration', this.#configFile], {
      env: cleanEnvironment(),
      stdio: 'ignore',
    });
    const [status] = await Promise.race([running.then(() => [undefined]), once(this.#daemon, 'exit')]);
    if (status !== undefined) throw new MeasureError(`supervisord ended at its start with ${status}`);
  }

  async daemonPids(): Promise<number[]> {
    return this.#daemon?.pid === undefined ? [] : [this.#daemon.pid];
  }

  async stopProbe(): Promise<void> {
    await timeCommand(this.#control('stop', PROBE));
  }

  async close(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await ended;
  }

  #control(...args: string[]): Command {
    return { file: 'supervisorctl', args: ['--configuration', this.#configFile, ...args] };
  }

  #config(): string {
    const { folder, births } = this.#options;
    const socket = join(folder, 'control.sock');
    const programs = [...IDLE_APPS, PROBE].map((name) => {
      const command = births.commandOf(name).map((word) => `'${word}'`);
      return `[program:${name}]
command=${command.join(' ').replaceAll('%', '%%')}
autostart=${name !== PROBE}
autorestart=true
startsecs=0
`;
    });
    return `[unix_http_server]
file=${socket}
[supervisord]
logfile=${join(folder, 'supervisord.log')}
pidfile=${join(folder, 'supervisord.pid')}
childlogdir=${folder}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${socket}
${programs.join('')}`;
  }
}
