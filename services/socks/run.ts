import { MeshApp, type MeshAppOptions } from '../mesh/app.ts';
import { connect, type SignalApp } from '../signal/client.ts';
import { UsageError } from './usage.ts';

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

/** Longest time that streams have to end by themselves when the app is asked to end, in milliseconds. */
const longestDrainMs = 2_000;

/** One of the two apps. */
export interface Service {
  mesh: Omit<MeshAppOptions, 'signal' | 'onProblem'>;
  metrics: Record<string, number>;
  /** Begins, now that the app is known to its node. @returns what it does, for a person */
  start(mesh: MeshApp): Promise<string>;
  /** Takes nothing new, and resolves when what is open has ended or `graceMs` has passed. */
  stop(graceMs: number): Promise<void>;
}

/** Runs an app: managed by viscript when it was started by it, registered at its node, drained at the end. */
export async function runApp(service: Service): Promise<void> {
  const app = await connect();
  const ending = new AbortController();
  let mesh: MeshApp | undefined;
  app.onShutdown(async (graceMs = 0) => {
    await service.stop(Math.min(graceMs / 2, longestDrainMs));
    ending.abort();
    await mesh?.close();
  });
  mesh = await register(app, service, ending.signal);
  if (!mesh) return;
  const status = await service.start(mesh);
  mesh.on('lost', (reason) => tell(app, `the node is gone: ${reason}`));
  mesh.on('registered', () => tell(app, status));
  mesh.on('problem', (message) => console.error(message));
  tell(app, status);
  setInterval(() => app.metrics(service.metrics), metricsIntervalMs).unref();
  app.metrics(service.metrics);
  app.ready();
}

/** Runs `main` and ends the process with status 2 when the command line was wrong, with 1 when all else was. */
export async function runProgram(name: string, main: (argv: string[]) => Promise<void>): Promise<void> {
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    const wrong = error instanceof UsageError;
    console.error(`${name}: ${error instanceof Error ? error.message : error}${wrong ? '; see --help' : ''}`);
    process.exit(wrong ? 2 : 1);
  }
}

/** @returns nothing when the app is asked to end before its node was there */
async function register(
  app: SignalApp,
  { mesh }: Service,
  signal: AbortSignal,
): Promise<MeshApp | undefined> {
  const onProblem = (message: string) => tell(app, message);
  try {
    return await MeshApp.start({ ...mesh, onProblem, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

function tell(app: SignalApp, text: string): void {
  console.log(text);
  app.status(text);
}
