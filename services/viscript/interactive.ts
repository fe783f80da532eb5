import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ControlClient, NoSupervisor } from './control/client.ts';
import { greeting } from './control/greeting.ts';
import { SupervisorHost } from './control/host.ts';
import { exitStatus } from './control/protocol.ts';
import type { Paths } from './paths.ts';
import { History, HistoryError } from './terminal/history.ts';
import { Terminal } from './terminal/terminal.ts';

export interface InteractiveOptions {
  paths: Paths;
  color: boolean;
}

/** The terminal on standard input and output: on the running supervisor, else on one that ends with it. */
export async function runInteractive({ paths, color }: InteractiveOptions): Promise<number> {
  const own = await startOwnIfNone(paths);
  const client = own?.client ?? (await ControlClient.connect(paths.controlSocket));
  try {
    const hello = await client.hello();
    const columns = () => process.stdout.columns ?? 0;
    const terminal = new Terminal({
      input: process.stdin,
      output: process.stdout,
      host: new SupervisorHost(client, { host: hello.host, color, columns }),
      history: await openHistory(join(paths.stateDirectory, 'history')),
      columns,
      color,
      terminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
      dumb: process.env.TERM === 'dumb',
      greeting: greeting(hello),
    });
    const lost = client.closed.then((reason) => ({ lost: reason }));
    const end = await Promise.race([terminal.run(), lost]);
    if (typeof end !== 'object') return exitStatus.done;
    terminal.notice(`the supervisor is gone: ${end.lost}\n`);
    return exitStatus.noSupervisor;
  } finally {
    client.close();
    process.stdin.destroy();
    await own?.end();
  }
}

/** A history that cannot be kept is no reason to have no terminal. */
async function openHistory(path: string): Promise<History> {
  try {
    return await History.open(path);
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    process.stderr.write(`viscript: ${error.message}\n`);
    return History.open(undefined);
  }
}

interface OwnSupervisor {
  client: ControlClient;
  end(): Promise<void>;
}

/** A supervisor that lives as long as this terminal: it ends when its standard input does, however we end. */
async function startOwnIfNone(paths: Paths): Promise<OwnSupervisor | undefined> {
  try {
    return { client: await ControlClient.connect(paths.controlSocket), end: async () => undefined };
  } catch (error) {
    // On a board systemd starts the supervisor; a second one would be in its way.
    if (!(error instanceof NoSupervisor) || process.env.SSH_CONNECTION !== undefined) throw error;
  }
  mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 });
  const logPath = join(paths.stateDirectory, 'viscript.log');
  const child = spawn(
    process.execPath,
    [
      ...(process.argv[1] ? [process.argv[1]] : []),
      ...['--headless', '--owned', '--runtime-dir', paths.runtimeDirectory, '--config', paths.configFile],
    ],
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  );
  const log = createWriteStream(logPath, { flags: 'a', mode: 0o600 });
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      log.write(chunk);
      if (said.length < 65_536) said += chunk.toString();
      if (said.includes('viscript: ready:')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`the supervisor ended with status ${code}:\n${said.trimEnd()}`)),
    );
  });
  await ready;
  const exited = once(child, 'exit');
  return {
    client: await ControlClient.connect(paths.controlSocket),
    async end() {
      child.stdin.end();
      await exited;
      log.end();
    },
  };
}
