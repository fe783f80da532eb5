import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { takeBytes, WideSocket } from '../../../services/net/wide-socket.ts';

/** Two ends of a TCP connection: one that reads widely, and an ordinary one. */
async function pair(): Promise<{ wide: WideSocket; other: Socket }> {
  const accepted = Promise.withResolvers<WideSocket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
    accepted.resolve(WideSocket.adopt(socket, { allowHalfOpen: true })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const other = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  const wide = await accepted.promise;
  onTestFinished(() => {
    wide.destroy();
    other.destroy();
  });
  // Resolves though the connection stands: it is no longer the server's.
  const closed = once(server, 'close');
  server.close();
  await closed;
  return { wide, other };
}

describe('a wide socket', () => {
  it('reads what was sent, in pieces of any size', async () => {
    const { wide, other } = await pair();
    const parts = [1, 100, 65_536, 3_000_000, 5, 196_608, 400_000, 7].map((bytes) => randomBytes(bytes));
    for (const part of parts) other.write(part);
    other.end();
    expect((await buffer(wide)).equals(Buffer.concat(parts))).toBe(true);
  });

  it('leaves alone what others have read before', async () => {
    const pairs = [await pair(), await pair(), await pair()];
    const sent = pairs.map(() => randomBytes(2_000_000));
    const read = pairs.map(({ wide }) => buffer(wide));
    for (let at = 0; at < 2_000_000; at += 40_000)
      for (const [index, { other }] of pairs.entries())
        other.write((sent[index] as Buffer).subarray(at, at + 40_000));
    for (const { other } of pairs) other.end();
    for (const [index, whole] of (await Promise.all(read)).entries())
      expect(whole.equals(sent[index] as Buffer)).toBe(true);
  });

  it('reads nothing more from the moment it is paused', async () => {
    const { wide, other } = await pair();
    other.write(Buffer.alloc(64 * 1024 * 1024));
    await once(wide, 'data');
    wide.pause();
    const { bytesRead } = wide;
    // The kernel has as much as it takes, and offers it all the time.
    await once(other, 'close', { signal: AbortSignal.timeout(200) }).catch(() => undefined);
    expect(wide.bytesRead).toBe(bytesRead);
    wide.resume();
    await once(wide, 'data');
    expect(wide.bytesRead).toBeGreaterThan(bytesRead);
  });

  it('gives everything to who takes it at once, what had come before among it', async () => {
    const { wide, other } = await pair();
    const sent = randomBytes(5_000_000);
    other.write(sent.subarray(0, 1_000));
    await once(wide, 'readable');
    const taken: Buffer[] = [];
    takeBytes(wide, (bytes) => taken.push(Buffer.from(bytes)));
    other.end(sent.subarray(1_000));
    await once(wide, 'end');
    expect(Buffer.concat(taken).equals(sent)).toBe(true);
  });

  it('writes, and each direction ends for itself', async () => {
    const { wide, other } = await pair();
    const sent = randomBytes(1_000_000);
    other.end('question');
    expect((await buffer(wide)).toString()).toBe('question');
    wide.end(sent);
    expect((await buffer(other)).equals(sent)).toBe(true);
  });

  it('knows its descriptor until it is closed', async () => {
    const { wide } = await pair();
    expect(wide.descriptor).toBeGreaterThan(2);
    wide.destroy();
    await once(wide, 'close');
    expect(wide.descriptor).toBeUndefined();
  });

  it('connects like any other', async () => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = new WideSocket().connect({ port: (server.address() as AddressInfo).port });
    expect((await buffer(socket)).toString()).toBe('hello');
  });
});

describe('any other stream', () => {
  it('gives its chunks', async () => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port);
    let text = '';
    takeBytes(socket, (bytes) => {
      text += bytes.toString();
    });
    await once(socket, 'end');
    expect(text).toBe('hello');
  });
});
