/** @param graceMs how long it may take, in milliseconds; undefined when a signal asks and nobody says */
export type ShutdownHook = (graceMs: number | undefined) => void | Promise<void>;

/** The end of this process: once, by the drain hook, whoever asks for it. */
export class Lifetime {
  #hook: ShutdownHook = () => undefined;
  #end: () => void = () => undefined;
  #ending = false;
  readonly #onSignal = () => this.shutdown(undefined);

  constructor() {
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGINT', this.#onSignal);
  }

  onShutdown(hook: ShutdownHook): void {
    this.#hook = hook;
  }

  /** What is to be released when the hook is done. */
  onEnd(callback: () => void): void {
    this.#end = callback;
  }

  /** Begins the end and returns; asked again, it changes nothing. */
  shutdown(graceMs: number | undefined): void {
    if (this.#ending) return;
    this.#ending = true;
    // From here on a signal has its default effect: an app that drains too long can be ended.
    this.release();
    void this.#drain(graceMs);
  }

  /** Leaves SIGTERM and SIGINT to their default effect. */
  release(): void {
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGINT', this.#onSignal);
  }

  async #drain(graceMs: number | undefined): Promise<void> {
    let status = 0;
    try {
      await this.#hook(graceMs);
    } catch (error) {
      console.error('the drain hook failed:', error);
      status = 1;
    }
    this.#end();
    process.exit(status);
  }
}
