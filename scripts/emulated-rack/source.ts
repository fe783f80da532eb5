import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pause } from '../../services/signal/pause.ts';

const CHUNK = 64 * 1024;

export interface SourceOptions {
  bytes: number;
  /** So that there is time to pull plugs. */
  bytesPerSecond: number;
}

/** A file of random bytes to download, on a port of 127.0.0.1, at a bounded speed. */
export class Source implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #options: SourceOptions;
  readonly #end = new AbortController();
  readonly #hash = Promise.withResolvers<string>();

  private constructor(server: Server, options: SourceOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (_request, response) => {
      response.setHeader('Content-Length', options.bytes);
      // Who leaves before the end is told nothing more; how far he came he knows.
      pipeline(Readable.from(this.#content()), response).catch(() => response.destroy());
    });
  }

  static async serve(options: SourceOptions): Promise<Source> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Source(server, options);
  }

  /** SHA-256 of all that was sent, in hexadecimal; known when a download has had everything. */
  get sha256(): Promise<string> {
    return this.#hash.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** The key stream of AES in counter mode: random, and made faster than it is sent. */
  async *#content(): AsyncGenerator<Buffer> {
    const { bytes, bytesPerSecond } = this.#options;
    const random = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
    const hash = createHash('sha256');
    const started = performance.now();
    for (let sent = 0; sent < bytes; ) {
      const chunk = random.update(Buffer.alloc(Math.min(CHUNK, bytes - sent)));
      hash.update(chunk);
      yield chunk;
      sent += chunk.length;
      const early = (sent / bytesPerSecond) * 1000 - (performance.now() - started);
      if (early > 0) await pause(early, this.#end.signal);
    }
    this.#hash.resolve(hash.digest('hex'));
  }
}
