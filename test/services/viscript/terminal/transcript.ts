/** What has come over a line so far, and waiting for more. */
export class Transcript {
  #chunks: Buffer[] = [];
  #text = '';
  #mark = 0;
  #waiting: { pattern: RegExp; resolve: (match: string) => void }[] = [];

  readonly add = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#text = Buffer.concat(this.#chunks).toString();
    this.#chunks = [Buffer.concat(this.#chunks)];
    this.#settle();
  };

  get text(): string {
    return this.#text;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Resolves to what came since the last match, up to and with this one. */
  async waitFor(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#waiting.push({ pattern, resolve });
    const timeout = AbortSignal.timeout(timeoutMs);
    const late = new Promise<never>((_, reject) => {
      timeout.addEventListener('abort', () => {
        const rest = JSON.stringify(this.#text.slice(this.#mark).slice(-2000));
        reject(new Error(`${pattern} did not come within ${timeoutMs} ms; there was: ${rest}`));
      });
    });
    this.#settle();
    return Promise.race([promise, late]);
  }

  #settle(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const rest = this.#text.slice(this.#mark);
    const match = first.pattern.exec(rest);
    if (match === null) return;
    const end = match.index + match[0].length;
    this.#mark += end;
    this.#waiting.shift();
    first.resolve(rest.slice(0, end));
    this.#settle();
  }
}
