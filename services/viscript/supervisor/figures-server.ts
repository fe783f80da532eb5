import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type MetricsPlace, type MetricsServer, serveMetrics } from '../../metrics/server.ts';
import { isLoopback } from '../../net/address.ts';
import { Backoff } from '../../signal/backoff.ts';
import { pause } from '../../signal/pause.ts';
import type { MetricsConfig } from '../config/schema.ts';

export interface FiguresServerOptions {
  /** `metrics.sock` is in here. */
  runtimeDirectory: string;
  /** Who may read figures on a Unix socket. */
  socketMode: number;
  text: () => Promise<string>;
  log: (line: string) => void;
}

/**
 * Serves figures where the config in force says. A place that cannot be had is tried again for ever: figures must not
 * keep apps from running, and must not stay away for good because a port was taken for a moment.
 */
export class FiguresServer {
  readonly #options: FiguresServerOptions;
  #config: MetricsConfig | undefined;
  #over = new AbortController();
  #serving: Promise<void> = Promise.resolve();

  constructor(options: FiguresServerOptions) {
    this.#options = options;
  }

  /** Serves there from now on, and nowhere else; the same place again changes nothing. */
  follow(config: MetricsConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#config = config;
    this.#over.abort();
    this.#over = new AbortController();
    const { signal } = this.#over;
    this.#serving = this.#serving.then(() => this.#serve(config, signal));
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#serving;
  }

  async #serve(config: MetricsConfig, signal: AbortSignal): Promise<void> {
    const place = this.#placeOf(config);
    if (place === undefined || signal.aborted) return;
    const server = await this.#listen(place, signal);
    if (server === undefined) return;
    const reach = 'path' in place || isLoopback(place) ? '' : '; other machines reach it';
    this.#options.log(`figures on ${server.address}${reach}`);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await server.close();
  }

  #placeOf({ listen }: MetricsConfig): MetricsPlace | undefined {
    const { runtimeDirectory, socketMode: mode } = this.#options;
    if (listen === 'off') return undefined;
    if (listen === 'socket') return { path: join(runtimeDirectory, 'metrics.sock'), mode };
    return 'path' in listen ? { ...listen, mode } : listen;
  }

  async #listen(place: MetricsPlace, signal: AbortSignal): Promise<MetricsServer | undefined> {
    const { text, log } = this.#options;
    const delays = new Backoff({ firstMs: 250, maxMs: 60_000 });
    let said = '';
    while (!signal.aborted) {
      try {
        return await serveMetrics(place, text, (error) => log(`figures: ${error.message}`));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== said) log(`figures cannot be served, and this is tried again: ${message}`);
        said = message;
        await pause(delays.next(), signal);
      }
    }
    return undefined;
  }
}
