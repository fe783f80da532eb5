import { MeshApp, type MeshAppOptions } from '../mesh/app.ts';
import { connect } from '../signal/client.ts';
import { LogLimit } from './log-limit.ts';

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

/** Longest time that an app has to end what is open when it is asked to end, in milliseconds. */
const longestDrainMs = 2_000;

/** Says what the app does now: on standard output, and to viscript. */
export type Tell = (status: string) => void;

/** What an app on the mesh does with its life. */
export interface MeshService {
  mesh: Omit<MeshAppOptions, 'signal' | 'onProblem'>;
  /** Makes what is to be there before the app is known to its node. */
  prepare?(tell: Tell): Promise<void>;
  /** Begins, now that the app is known to its node. */
  start?(mesh: MeshApp, tell: Tell): Promise<void>;
  /** What it does, for a person; told at each registration. Undefined for an app that tells by itself. */
  status?(mesh: MeshApp): string;
  /** Told now and then; undefined for an app without figures. */
  readonly metrics?: Record<string, number>;
  /**
   * Takes nothing new, and resolves when what is open has ended or `graceMs` has passed. Called once, also when one of
   * the above has failed.
   */
  stop?(graceMs: number, failed: boolean): Promise<void>;
}

/** Runs an app: managed by viscript when it was started by it, registered at its node, drained at the end. */
export async function runMeshApp(service: MeshService): Promise<void> {
  const app = await connect();
  const tell: Tell = (status) => {
    console.log(status);
    app.status(status);
  };
  const ending = new AbortController();
  const beginning = begin(service, tell, ending.signal);
  app.onShutdown(async (graceMs = 0) => {
    ending.abort();
    const mesh = await beginning;
    await service.stop?.(Math.min(graceMs / 2, longestDrainMs), false);
    await mesh?.close();
  });
  if ((await beginning) === undefined) return;
  const figures = () => {
    if (service.metrics) app.metrics(service.metrics);
  };
  setInterval(figures, metricsIntervalMs).unref();
  figures();
  app.ready();
}

/** @returns nothing when the app was asked to end before its node was there */
async function begin(service: MeshService, tell: Tell, ending: AbortSignal): Promise<MeshApp | undefined> {
  try {
    await service.prepare?.(tell);
    const mesh = await register(service, tell, ending);
    if (mesh === undefined) return undefined;
    await service.start?.(mesh, tell);
    const { status } = service;
    if (status) {
      const say = () => tell(status.call(service, mesh));
      mesh.on('registered', say).on('lost', (reason) => tell(`the node is gone: ${reason}`));
      say();
    }
    return mesh;
  } catch (error) {
    await service.stop?.(0, true);
    throw error;
  }
}

/** The signal ends the attempt, not the app that came of it: that one is closed when it has drained. */
async function register(
  { mesh: options }: MeshService,
  tell: Tell,
  ending: AbortSignal,
): Promise<MeshApp | undefined> {
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  ending.addEventListener('abort', abort);
  if (ending.aborted) abort();
  try {
    const mesh = await MeshApp.start({ ...options, onProblem: tell, signal: attempt.signal });
    const problems = new LogLimit((line) => console.error(line));
    mesh.on('problem', (message) => problems.say('streams', message));
    return mesh;
  } catch (error) {
    if (ending.aborted) return undefined;
    throw error;
  } finally {
    ending.removeEventListener('abort', abort);
  }
}
