import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { DownloadFailed, download } from '../../../scripts/emulated-rack/download.ts';
import { Source } from '../../../scripts/emulated-rack/source.ts';
import {
  decodeGreeting,
  decodeRequest,
  encodeMethod,
  encodeReply,
  method,
  reply,
} from '../../../services/socks/protocol.ts';
import { readMessage } from '../../../services/socks/read.ts';

const signal = new AbortController().signal;
const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** SOCKS without a mesh; `cutAfter` bytes of the answer it breaks off. */
async function socks(cutAfter = Number.POSITIVE_INFINITY): Promise<number> {
  const server = createServer(async (socket) => {
    socket.on('error', () => socket.destroy());
    await readMessage(socket, decodeGreeting, { what: 'greeting', signal });
    socket.write(encodeMethod(method.none));
    const { destination } = await readMessage(socket, decodeRequest, { what: 'request', signal });
    const target = connect(destination.port, destination.host);
    target.on('error', () => socket.destroy());
    socket.write(encodeReply(reply.succeeded));
    socket.pipe(target);
    let bytes = 0;
    target.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > cutAfter) socket.destroy();
      else socket.write(chunk);
    });
    socket.on('close', () => target.destroy());
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('a download through SOCKS', () => {
  it('gives the SHA-256 that the source has sent', async () => {
    await using source = await Source.serve({ bytes: 1_000_001, bytesPerSecond: 1e9 });
    let received = 0;
    const onBytes = (count: number) => {
      received += count;
    };
    const sha256 = await download({ socksPort: await socks(), port: source.port, onBytes, signal });
    expect(received).toBe(1_000_001);
    expect(sha256).toBe(await source.sha256);
  });

  it('is random: no two sources send the same', async () => {
    const read = async () => {
      await using source = await Source.serve({ bytes: 1000, bytesPerSecond: 1e9 });
      const bytes = await (await fetch(`http://127.0.0.1:${source.port}/`)).arrayBuffer();
      expect(createHash('sha256').update(Buffer.from(bytes)).digest('hex')).toBe(await source.sha256);
      return Buffer.from(bytes);
    };
    expect(await read()).not.toEqual(await read());
  });

  it('fails when the transfer breaks, and when nobody answers', async () => {
    await using source = await Source.serve({ bytes: 10_000_000, bytesPerSecond: 1e9 });
    const options = { port: source.port, onBytes: () => undefined, signal };
    await expect(download({ ...options, socksPort: await socks(100_000) })).rejects.toThrow(DownloadFailed);
    await expect(download({ ...options, socksPort: 1 })).rejects.toThrow(DownloadFailed);
  });

  it('ends with its signal', async () => {
    await using source = await Source.serve({ bytes: 10_000_000, bytesPerSecond: 100_000 });
    const abort = new AbortController();
    const onBytes = () => abort.abort(new Error('left'));
    const socksPort = await socks();
    const running = download({ socksPort, port: source.port, onBytes, signal: abort.signal });
    await expect(running).rejects.toThrow('left');
  });
});
