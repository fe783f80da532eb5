import { EventEmitter } from 'node:events';
import { closeCode } from './channel.ts';
import { RpcError } from './codec.ts';
import { errorCode, type Peer } from './jsonrpc.ts';
import { type AppUsage, accepted, appUsage, metricsParams, readyParams, statusParams } from './messages.ts';

/**
 * A registered app, as viscript sees it. `ready` comes once a session, even when the app says it again; `close`
 * comes once, last.
 */
export class SignalSession extends EventEmitter<{
  ready: [];
  status: [text: string];
  metrics: [values: Record<string, number>];
  close: [reason: string];
}> {
  readonly clientId: number;
  /** As the app told it. */
  readonly pid: number;
  readonly #peer: Peer;
  #ready = false;

  constructor(peer: Peer, clientId: number, pid: number) {
    super();
    this.#peer = peer;
    this.clientId = clientId;
    this.pid = pid;
    peer.handle('app.ready', readyParams, () => this.#becomeReady());
    peer.handle('app.status', statusParams, ({ text }) => void this.emit('status', text));
    peer.handle('app.metrics', metricsParams, ({ values }) => void this.emit('metrics', values));
    void peer.closed.then((reason) => this.emit('close', reason));
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** @returns the round trip in milliseconds */
  async ping(): Promise<number> {
    const start = performance.now();
    await this.#peer.call('app.ping', {}, accepted);
    return performance.now() - start;
  }

  usage(): Promise<AppUsage> {
    return this.#peer.call('app.usage', {}, appUsage);
  }

  /** Resolves when the app has accepted; it then drains and exits by itself, within `graceMs` if it keeps its word. */
  async shutdown(graceMs: number): Promise<void> {
    await this.#peer.call('app.shutdown', { grace: graceMs }, accepted);
  }

  close(reason: string): void {
    this.#peer.close(reason, closeCode.goingAway);
  }

  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.emit('ready');
  }
}

/** Answers every message that comes before the registration, and ends the connection. */
export function refuseUnregistered(peer: Peer): void {
  for (const method of ['app.ready', 'app.status', 'app.metrics']) {
    peer.handle(method, { parse: (params) => params }, () => {
      throw new RpcError(errorCode.refused, `${method} before app.register`, { fatal: true });
    });
  }
}
