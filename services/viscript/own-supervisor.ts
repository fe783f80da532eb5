import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ControlClient, NoSupervisor } from './control/client.ts';
import { LogKeeper } from './log-keeper.ts';
import type { Paths } from './paths.ts';

/** A supervisor that lives as long as this terminal: it ends when its standard input does, however we end. */
export interface OwnSupervisor {
  client: ControlClient;
  end(): Promise<void>;
}

/**
 * Connects to the supervisor that runs, else to one that is started for this. Its log is kept in `viscript.log`.
 * @throws with what it said when it does not come up
 */
export async function startOwnIfNone(paths: Paths): Promise<OwnSupervisor> {
  try {
    return { client: await ControlClient.connect(paths.controlSocket), end: async () => undefined };
  } catch (error) {
    // On a board systemd starts the supervisor; a second one would be in its way.
    if (!(error instanceof NoSupervisor) || process.env.SSH_CONNECTION !== undefined) throw error;
  }
  mkdirSync(paths.stateDirectory, { recursive: true, mode: 0o700 });
  const child = spawn(
    process.execPath,
    [
      ...(process.argv[1] ? [process.argv[1]] : []),
      ...['--headless', '--owned', '--runtime-dir', paths.runtimeDirectory, '--config', paths.configFile],
    ],
    { stdio: ['pipe', 'ignore', 'pipe'], detached: true },
  );
  const closed = once(child, 'close');
  const log = new LogKeeper(child.stderr, {
    path: join(paths.stateDirectory, 'viscript.log'),
    id: child.pid ?? 0,
    onError: (error) => process.stderr.write(`viscript: its log is not kept: ${error.message}\n`),
  });
  const end = async () => {
    child.stdin.end();
    await closed;
    await log.close();
  };
  let said = '';
  const ready = Promise.withResolvers<void>();
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 65_536) said += chunk.toString();
    if (said.includes('viscript: ready:')) ready.resolve();
  });
  child.once('error', ready.reject);
  child.once('close', (code) =>
    ready.reject(new Error(`the supervisor ended with status ${code}:\n${said.trimEnd()}`)),
  );
  try {
    await ready.promise;
    return { client: await ControlClient.connect(paths.controlSocket), end };
  } catch (error) {
    await end();
    throw error;
  }
}
