import { type FileHandle, open, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import { writeDurably } from '../../../services/net/durable-file.ts';
import { Backoff } from '../../../services/signal/backoff.ts';
import { pause } from '../../../services/signal/pause.ts';
import { isMissing } from '../../files.ts';
import { UpdateError } from '../error.ts';
import { arrived } from './arrived.ts';

export interface DownloadOptions {
  url: string;
  /** Where it is kept, and what has come of it until it is whole. One download at a time. */
  folder: string;
  /** Told how many bytes there are, and how many there will be when the server says so. */
  onProgress: (bytes: number, of: number | undefined) => void;
  /** Aborting it ends the download; what has come is kept. */
  signal: AbortSignal;
  /** How long the server may be silent, milliseconds. */
  silenceMs?: number;
  /** First wait after a broken connection, milliseconds. */
  retryMs?: number;
}

/** Tries in a row that bring nothing. */
const MAX_FRUITLESS = 6;
const MAX_REDIRECTS = 5;
/** No bundle is larger than a slot. */
const MAX_BYTES = 512 * 1024 * 1024;
/** What is left free, for the board goes on working meanwhile. */
const RESERVE_BYTES = 8 * 1024 * 1024;

/**
 * Fetches a file over HTTP or HTTPS. A connection that breaks is made again, and goes on where it was if the server can and
 * the file there is still the same; so does the next download of the same address.
 *
 * @returns the path of the whole file
 * @throws {UpdateError} when it cannot be had
 */
export async function download(options: DownloadOptions): Promise<string> {
  const { folder, signal, retryMs = 500 } = options;
  const address = parseAddress(options.url);
  const part = new Part(folder, address.href);
  const backoff = new Backoff({ firstMs: retryMs, maxMs: 20 * retryMs });
  for (let fruitless = 0; ; ) {
    const before = await part.length();
    try {
      await fetchRest(address, part, options);
      return await part.finish();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof UpdateError) throw error;
      const length = await part.length();
      if (length > before) backoff.reset();
      fruitless = length > before ? 0 : fruitless + 1;
      if (fruitless >= MAX_FRUITLESS) throw broken(address, length, error);
    }
    await pause(backoff.next(), signal);
    signal.throwIfAborted();
  }
}

function parseAddress(url: string): URL {
  const address = URL.parse(url);
  if (address === null || !/^https?:$/.test(address.protocol))
    throw new UpdateError(`${url} is no address: it begins with http:// or https://`);
  return address;
}

function broken({ href }: URL, length: number, cause: unknown): UpdateError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new UpdateError(
    `${href}: ${reason}; ${length} bytes are here, and the next try goes on from there`,
    {
      cause,
    },
  );
}

/** Asks for what is missing and writes it. Any error but an {@link UpdateError} is worth another try. */
async function fetchRest(address: URL, part: Part, options: DownloadOptions): Promise<void> {
  const known = await part.resumable();
  const headers = known === undefined ? {} : { range: `bytes=${known.length}-`, 'if-range': known.validator };
  const { response, body } = await request(address, headers, options);
  try {
    const start = startOf(response, known?.length);
    if (start === undefined) {
      await part.forget();
      throw new Error('the server has another file than before');
    }
    const total = totalOf(response, start);
    await requireRoom(options.folder, total === undefined ? 0 : total - start);
    await part.write(start, validatorOf(response), async (file) => {
      let length = start;
      for await (const chunk of body) {
        await file.writeFile(chunk);
        length += chunk.length;
        if (length > MAX_BYTES) throw tooLarge(address);
        options.onProgress(length, total);
      }
      if (total !== undefined && length !== total) throw new Error('the connection broke');
    });
  } finally {
    response.destroy();
  }
}

/** Where in the file the answer begins; undefined when it does not fit what is here. @throws {UpdateError} for a refusal */
function startOf(response: IncomingMessage, asked: number | undefined): number | undefined {
  const { statusCode = 0, headers } = response;
  if (statusCode === 200) return 0;
  if (statusCode === 206 && asked !== undefined) {
    const start = Number(/^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1] ?? Number.NaN);
    return start === asked ? start : undefined;
  }
  if (statusCode === 416) return undefined;
  const reason = `the server answers ${statusCode} ${response.statusMessage ?? ''}`.trim();
  // It may be over in a moment: RFC 9110, 15.6, and 429 of RFC 6585.
  if (statusCode >= 500 || statusCode === 429) throw new Error(reason);
  throw new UpdateError(`${reason}: look at the address`);
}

function totalOf({ headers }: IncomingMessage, start: number): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : start + Number(length);
}

/** What tells whether the file is still the same: a strong ETag, or else its date (RFC 9110, 13.1.5). */
function validatorOf({ headers: { etag, 'last-modified': modified } }: IncomingMessage): string | undefined {
  return etag !== undefined && !etag.startsWith('W/') ? etag : modified;
}

async function requireRoom(folder: string, bytes: number): Promise<void> {
  if (bytes > MAX_BYTES) throw new UpdateError(`${bytes} bytes are no bundle: the most is ${MAX_BYTES}`);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize - RESERVE_BYTES;
  if (bytes > free)
    throw new UpdateError(`${bytes} bytes more do not fit on data, where ${Math.max(0, free)} are free`);
}

function tooLarge({ href }: URL): UpdateError {
  return new UpdateError(`${href}: more than ${MAX_BYTES} bytes are no bundle`);
}

interface Answer {
  response: IncomingMessage;
  body: AsyncGenerator<Buffer>;
}

/** Follows redirects, though never from HTTPS to HTTP. */
async function request(
  address: URL,
  headers: Record<string, string>,
  { signal, silenceMs = 60_000 }: DownloadOptions,
): Promise<Answer> {
  let url = address;
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const answer = await ask(url, headers, signal, silenceMs);
    const { response } = answer;
    const { location } = response.headers;
    if (location === undefined || ![301, 302, 303, 307, 308].includes(response.statusCode ?? 0))
      return answer;
    response.destroy();
    const next = parseAddress(URL.parse(location, url.href)?.href ?? location);
    if (url.protocol === 'https:' && next.protocol === 'http:')
      throw new UpdateError(`${url.href} leads to ${next.href}, which is not encrypted`);
    url = next;
  }
  throw new UpdateError(
    `${address.href} leads from one address to the next, more than ${MAX_REDIRECTS} times`,
  );
}

function ask(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  silenceMs: number,
): Promise<Answer> {
  const get = url.protocol === 'https:' ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, signal, timeout: silenceMs }, (response) =>
      resolve({ response, body: arrived(response) }),
    );
    sent.on('timeout', () => sent.destroy(new Error(`the server is silent for ${silenceMs / 1000} s`)));
    sent.on('error', reject);
  });
}

/** What has come of a file, and what it is part of. */
class Part {
  readonly #url: string;
  readonly #file: string;
  readonly #about: string;
  readonly #whole: string;

  constructor(folder: string, url: string) {
    this.#url = url;
    this.#file = join(folder, 'download.part');
    this.#about = join(folder, 'download.json');
    this.#whole = join(folder, 'download.raucb');
  }

  /** Bytes that are here. */
  async length(): Promise<number> {
    try {
      return (await stat(this.#file)).size;
    } catch (error) {
      if (isMissing(error)) return 0;
      throw error;
    }
  }

  /** What can be gone on from: some of the same file. */
  async resumable(): Promise<{ length: number; validator: string } | undefined> {
    const length = await this.length();
    const about = await this.#read();
    return length > 0 && about?.url === this.#url ? { length, validator: about.validator } : undefined;
  }

  /** Writes from `start` on, which is the end of what is here, or the beginning of all. */
  async write(
    start: number,
    validator: string | undefined,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<void> {
    if (start === 0) {
      await this.forget();
      if (validator !== undefined)
        await writeDurably(this.#about, JSON.stringify({ url: this.#url, validator }), 0o640);
    }
    await using file = await open(this.#file, 'a', 0o640);
    await fill(file);
    await file.sync();
  }

  async forget(): Promise<void> {
    for (const file of [this.#about, this.#file, this.#whole]) await rm(file, { force: true });
  }

  async finish(): Promise<string> {
    await rename(this.#file, this.#whole);
    await rm(this.#about, { force: true });
    return this.#whole;
  }

  async #read(): Promise<{ url: string; validator: string } | undefined> {
    try {
      const about: unknown = JSON.parse(await readFile(this.#about, 'utf8'));
      if (typeof about !== 'object' || about === null || !('url' in about && 'validator' in about))
        return undefined;
      const { url, validator } = about;
      return typeof url === 'string' && typeof validator === 'string' ? { url, validator } : undefined;
    } catch (error) {
      if (isMissing(error) || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}
