import type { BackoffOptions } from './backoff.ts';
import { Lifetime, type ShutdownHook } from './lifetime.ts';
import { limits } from './limits.ts';
import { type Credentials, SignalLink } from './link.ts';

export type { ShutdownHook } from './lifetime.ts';
export { RegistrationRefused } from './link.ts';

export interface ConnectOptions {
  /** Where SIGNAL_URL, SIGNAL_CLIENT_ID and SIGNAL_TOKEN are; they are deleted there. Default `process.env`. */
  environment?: NodeJS.ProcessEnv;
  /** Delays between attempts to connect again. */
  backoff?: BackoffOptions;
}

/** An app's side of signal. Everything may be called at any time, connected or not. */
export interface SignalApp {
  /** False when the app was started by hand: then only SIGTERM and SIGINT end it, by the same drain hook. */
  readonly managed: boolean;
  /**
   * What to do before the process ends, on viscript's shutdown, SIGTERM or SIGINT. When it is done the process exits
   * with 0; when it throws, with 1 and the error on standard error. A second SIGTERM ends the process at once.
   */
  onShutdown(hook: ShutdownHook): void;
  /** The app serves now. */
  ready(): void;
  /** One line about what the app does now; cut at 1,024 characters. */
  status(text: string): void;
  /** Figures of the app's own: at most 64, finite, with names of at most 64 characters. @throws {RangeError} */
  metrics(values: Record<string, number>): void;
  /** Lets go of viscript, so that a process with nothing left to do may end by itself. */
  close(): void;
}

/**
 * Registers this process with the viscript that launched it. A lost connection is made anew for ever; what was said
 * last (ready, status, metrics) is then said again. With no SIGNAL_URL the app runs by hand and nothing is told to anybody.
 * @throws {RegistrationRefused} when viscript does not accept the token
 */
export async function connect(options: ConnectOptions = {}): Promise<SignalApp> {
  const credentials = takeCredentials(options.environment ?? process.env);
  const lifetime = new Lifetime();
  if (!credentials) return makeApp(lifetime, undefined);
  const link = new SignalLink(credentials, {
    backoff: options.backoff ?? { firstMs: 50, maxMs: 5_000 },
    onShutdown: (graceMs) => lifetime.shutdown(graceMs),
  });
  lifetime.onEnd(() => link.close());
  try {
    await link.registered;
  } catch (error) {
    lifetime.release();
    throw error;
  }
  return makeApp(lifetime, link);
}

/** Reads and deletes, so that no child process inherits the token. */
function takeCredentials(environment: NodeJS.ProcessEnv): Credentials | undefined {
  const { SIGNAL_URL: url, SIGNAL_CLIENT_ID: id, SIGNAL_TOKEN: token } = environment;
  for (const name of ['SIGNAL_URL', 'SIGNAL_CLIENT_ID', 'SIGNAL_TOKEN']) delete environment[name];
  if (url === undefined) return undefined;
  if (token === undefined) throw new Error('SIGNAL_URL is set but SIGNAL_TOKEN is not');
  if (id === undefined || !/^\d{1,15}$/.test(id)) throw new Error('SIGNAL_CLIENT_ID must be a whole number');
  return { url, clientId: Number(id), token };
}

function makeApp(lifetime: Lifetime, link: SignalLink | undefined): SignalApp {
  return {
    managed: link !== undefined,
    onShutdown: (hook) => lifetime.onShutdown(hook),
    ready: () => link?.tell('app.ready', {}),
    status: (text) => link?.tell('app.status', { text: text.slice(0, limits.statusLength) }),
    metrics(values) {
      checkMetrics(values);
      link?.tell('app.metrics', { values });
    },
    close() {
      link?.close();
      lifetime.release();
    },
  };
}

function checkMetrics(values: Record<string, number>): void {
  const entries = Object.entries(values);
  if (entries.length > limits.metrics) throw new RangeError(`more than ${limits.metrics} metrics`);
  for (const [name, value] of entries) {
    if (name.length > limits.metricNameLength) throw new RangeError(`the metric name ${name} is too long`);
    if (!Number.isFinite(value)) throw new RangeError(`the metric ${name} is not a finite number`);
  }
}
