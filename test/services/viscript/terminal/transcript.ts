import { StringDecoder } from 'node:string_decoder';

/** What has come over a line so far, and waiting for more. */
export class Transcript {
  readonly #chunks: Buffer[] = [];
  readonly #decoder = new StringDecoder('utf8');
  #text = '';
  /** What came since the last match. */
  #rest = '';
  #waiting: { pattern: RegExp; resolve: (match: string) => void }[] = [];

  readonly add = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    const text = this.#decoder.write(chunk);
    this.#text += text;
    this.#rest += text;
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
        const rest = JSON.stringify(this.#rest.slice(-2000));
        reject(new Error(`${pattern} did not come within ${timeoutMs} ms; there was: ${rest}`));
      });
    });
    this.#settle();
    return Promise.race([promise, late]);
  }

  #settle(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const match = first.pattern.exec(this.#rest);
    if (match === null) return;
    const end = match.index + match[0].length;
    const matched = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end);
    this.#waiting.shift();
    first.resolve(matched);
    this.#settle();
  }
}
