import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { SignalServer } from '../../services/signal/server.ts';
import { urlOfSocket } from '../../services/signal/unixsocket.ts';
import { cleanEnvironment, MeasureError, residentBytes } from './process.ts';
import type { Row } from './row.ts';

/** An app has done what it does at its start by then; garbage of the start is still there. */
const SETTLE_MS = 3_000;
const READY_MS = 30_000;

export interface AppOptions {
  /** The bundled app. */
  program: string;
  /** Arguments with which it starts. */
  args: readonly string[];
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

/** What one start tells. */
interface Sample {
  /** Milliseconds from the spawn to the word that it is ready. */
  ready: number;
  /** Resident memory after a few idle seconds, MB. */
  memory: number;
}

/** Measures an app as viscript starts it, beside a Node.js program that does nothing: the floor of every app. */
export async function measureApp(options: AppOptions): Promise<Row[]> {
  const { folder, rounds, progress } = options;
  await mkdir(folder, { recursive: true });
  await using running = new AsyncDisposableStack();
  const host = await SignalHost.listen(join(folder, 'signal.sock'));
  running.defer(() => host.close());
  const bare = join(folder, 'bare.mjs');
  await writeFile(bare, "process.stdout.write('ready\\n');\nsetInterval(() => undefined, 1 << 30);\n");

  const ours: Sample[] = [];
  const floor: Sample[] = [];
  for (let round = 0; round <= rounds; round++) {
    progress(`an app: round ${round} of ${rounds}`);
    const app = await sample([options.program, ...options.args], host.environment(folder), (child) =>
      host.ready(child),
    );
    const node = await sample([bare], {}, firstLine);
    if (round === 0) continue;
    ours.push(app);
    floor.push(node);
  }
  const row = (key: keyof Sample, rest: Pick<Row, 'what' | 'unit' | 'must' | 'goal'>): Row => ({
    group: 'an app (apptracker)',
    ours: ours.map((each) => each[key]),
    peers: { [`bare Node.js ${process.version}`]: floor.map((each) => each[key]) },
    ...rest,
  });
  return [
    row('memory', { what: 'RSS, idle', unit: 'MB', must: { limit: 60 }, goal: { limit: 45 } }),
    row('ready', { what: 'start → ready', unit: 'ms', must: { limit: 150 }, goal: { limit: 100 } }),
  ];
}

async function sample(
  args: readonly string[],
  env: Record<string, string>,
  ready: (child: ChildProcess) => Promise<unknown>,
): Promise<Sample> {
  const start = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(child, 'exit').then(([status]) => {
    throw new MeasureError(`${args.join(' ')} ended with ${status} before it was ready`);
  });
  try {
    await Promise.race([ready(child), ended]);
    const readyMs = performance.now() - start;
    await Promise.race([sleep(SETTLE_MS), ended]);
    return { ready: readyMs, memory: (await residentBytes(child.pid ?? 0)) / 1e6 };
  } finally {
    const gone = child.exitCode === null ? ended.catch(() => undefined) : undefined;
    child.kill('SIGKILL');
    await gone;
  }
}

function firstLine(child: ChildProcess): Promise<unknown> {
  if (child.stdout === null) throw new MeasureError('a program without an output says nothing');
  return once(createInterface({ input: child.stdout }), 'line');
}

/** The side of viscript: a socket where one app at a time registers. */
class SignalHost {
  readonly #server: SignalServer;
  readonly #url: string;

  static async listen(path: string): Promise<SignalHost> {
    const server = new SignalServer({ path, authorize: (_, token) => (token === TOKEN ? TOKEN : undefined) });
    await server.listen();
    return new SignalHost(server, urlOfSocket(path));
  }

  private constructor(server: SignalServer, url: string) {
    this.#server = server;
    this.#url = url;
  }

  environment(folder: string): Record<string, string> {
    return {
      SIGNAL_URL: this.#url,
      SIGNAL_CLIENT_ID: '1',
      SIGNAL_TOKEN: TOKEN,
      STATE_DIRECTORY: folder,
    };
  }

  async ready(child: ChildProcess): Promise<void> {
    const signal = AbortSignal.timeout(READY_MS);
    child.stdout?.resume();
    const [session] = await once(this.#server, 'session', { signal });
    if (!session.ready) await once(session, 'ready', { signal });
  }

  close(): Promise<void> {
    return this.#server.close();
  }
}

/** Guards nothing: the socket is private to this user and lives as long as the measurement. */
const TOKEN = 'measurement';
