import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes of `/big`: enough to watch it come. */
const BIG_BYTES = 1024 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 'Skyminer ');

const PAGE = `<!doctype html>
<title>Skyminer</title>
<p>This page came through the mesh.</p>
`;

/** A small page to fetch through the mesh (`/`), and a large file (`/big`), on a port of 127.0.0.1. */
export class Page implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  static async serve(): Promise<Page> {
    const server = createServer((request, response) => {
      if (request.url !== '/big') {
        response.setHeader('Content-Type', 'text/html; charset=utf-8').end(PAGE);
        return;
      }
      response.setHeader('Content-Length', BIG_BYTES);
      // Who has seen enough leaves, and that is no error.
      pipeline(Readable.from(big()), response).catch(() => response.destroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Page(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

function* big(): Generator<Buffer> {
  for (let sent = 0; sent < BIG_BYTES; sent += CHUNK.length) yield CHUNK;
}
