import { join } from 'node:path';
import { greeting } from './control/greeting.ts';
import { SupervisorHost } from './control/host.ts';
import { exitStatus } from './control/protocol.ts';
import { startOwnIfNone } from './own-supervisor.ts';
import type { Paths } from './paths.ts';
import { History, HistoryError } from './terminal/history.ts';
import { Terminal } from './terminal/terminal.ts';

export interface InteractiveOptions {
  paths: Paths;
  color: boolean;
}

/** The terminal on standard input and output: on the running supervisor, else on one that ends with it. */
export async function runInteractive({ paths, color }: InteractiveOptions): Promise<number> {
  const { client, end: endOwn } = await startOwnIfNone(paths);
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
    await endOwn();
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
