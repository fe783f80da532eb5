import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Listener,
  type Transport,
  TransportError,
} from '../../../../services/net/transport/transport.ts';
import { closed } from '../sockets.ts';

/** What every transport promises. */
export function complies(transport: Transport): void {
  const open: { streams: Duplex[]; listeners: Listener[] } = { streams: [], listeners: [] };

  afterEach(async () => {
    for (const stream of open.streams.splice(0)) stream.destroy();
    for (const listener of open.listeners.splice(0)) await listener.close();
  });

  const keep = <T extends Duplex>(stream: T): T => {
    open.streams.push(stream.on('error', () => undefined));
    return stream;
  };
  const listen = async (onConnection: (stream: Duplex) => void = keep): Promise<Listener> => {
    const listener = await transport.listen('127.0.0.1:0', onConnection);
    open.listeners.push(listener);
    return listener;
  };
  /** The two ends of a connection. */
  const connect = async (): Promise<[Duplex, Duplex]> => {
    const { promise: accepted, resolve } = Promise.withResolvers<Duplex>();
    const { address } = await listen((stream) => resolve(keep(stream)));
    return [keep(await transport.dial(address)), await accepted];
  };
  const both = (ends: [Duplex, Duplex]) => [ends, [ends[1], ends[0]]] as const;

  describe('a stream', () => {
    it('carries bytes in both directions at once, unchanged and in order', async () => {
      const ends = await connect();
      await Promise.all(
        both(ends).map(async ([from, to]) => {
          const bytes = randomBytes(5_000_000);
          const got = receive(to, bytes.length);
          for (let at = 0; at < bytes.length; ) {
            const end = at + 1 + ((at * 7919) % 70_000);
            if (!from.write(bytes.subarray(at, end))) await once(from, 'drain');
            at = end;
          }
          expect(await got).toBe(digest(bytes));
        }),
      );
    });

    it('carries one write of many megabytes', async () => {
      const [from, to] = await connect();
      const bytes = randomBytes(3_000_000);
      const got = receive(to, bytes.length);
      from.write(bytes);
      expect(await got).toBe(digest(bytes));
    });

    it('delivers what was sent before its end, and then is over at both ends', async () => {
      for (const side of [0, 1]) {
        const ends = await connect();
        const [from, to] = both(ends)[side] ?? ends;
        const bytes = randomBytes(1_000_000);
        const over = [closed(from.resume()), closed(to)];
        const got = receive(to, bytes.length);
        from.end(bytes);
        expect(await got).toBe(digest(bytes));
        await Promise.all(over);
        expect(to.readableEnded).toBe(true);
        expect([from.errored, to.errored]).toEqual([null, null]);
      }
    });

    it('is over at the other end when it is destroyed', async () => {
      for (const side of [0, 1]) {
        const ends = await connect();
        const [from, to] = both(ends)[side] ?? ends;
        from.write('something');
        const over = closed(to.resume());
        from.destroy();
        await over;
        expect(to.destroyed).toBe(true);
      }
    });

    it('makes its writer wait for a reader that is slow', async () => {
      const [from, to] = await connect();
      const chunk = Buffer.alloc(64 * 1024);
      let written = 0;
      // More than the buffers of a system hold.
      while (written < 64 * 1024 * 1024 && from.write(chunk)) {
        written += chunk.length;
        await new Promise(setImmediate);
      }
      expect(from.writableNeedDrain).toBe(true);
      expect(from.writableLength).toBeLessThan(1024 * 1024);
      const drained = once(from, 'drain');
      to.resume();
      await drained;
    });

    it('keeps what comes before somebody reads', async () => {
      const [from, to] = await connect();
      from.write('early');
      await once(to, 'readable');
      expect(String(to.read())).toBe('early');
    });
  });

  describe('dialling', () => {
    it('connects many streams to one listener, each for itself', async () => {
      const { address } = await listen((stream) => keep(stream).pipe(stream));
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const stream = keep(await transport.dial(address));
          stream.write(`number ${index}`);
          const [answer] = await once(stream, 'data');
          expect(String(answer)).toBe(`number ${index}`);
        }),
      );
    });

    it('fails where nobody listens, and says so', async () => {
      const listener = await transport.listen('127.0.0.1:0', keep);
      await listener.close();
      const work = transport.dial(listener.address);
      await expect(work).rejects.toThrow(TransportError);
      await expect(work).rejects.toThrow(`${listener.address}: nobody listens there`);
    });

    it('fails for what is no address', async () => {
      for (const address of ['', 'host', 'host:99999', '[::g]:1'])
        await expect(transport.dial(address)).rejects.toThrow('is no address');
    });

    it('is given up on a signal, with its reason and nothing left open', async () => {
      const accepted: Duplex[] = [];
      const { address } = await listen((stream) => accepted.push(keep(stream)));
      const reason = new Error('not needed any more');
      await expect(transport.dial(address, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const end = new AbortController();
      const work = transport.dial(address, { signal: end.signal });
      end.abort(reason);
      await expect(work).rejects.toBe(reason);
      // One that was accepted all the same is closed by now, or will be.
      await Promise.all(accepted.map((stream) => stream.destroyed || closed(stream.resume())));
    });

    it('does not mind a signal once it is connected', async () => {
      const { address } = await listen((stream) => keep(stream).pipe(stream));
      const end = new AbortController();
      const stream = keep(await transport.dial(address, { signal: end.signal }));
      end.abort();
      stream.write('still here');
      expect(String((await once(stream, 'data'))[0])).toBe('still here');
    });
  });

  describe('listening', () => {
    it('fails on an address that is in use, and on one of another machine', async () => {
      const { address } = await listen();
      const again = transport.listen(address, keep);
      await expect(again).rejects.toThrow(TransportError);
      await expect(again).rejects.toThrow(`${address}: the address is in use already`);
      await expect(transport.listen('192.0.2.1:0', keep)).rejects.toThrow('not one of this machine');
    });

    it('ends without the streams that it has handed over, and frees the address', async () => {
      const { promise: accepted, resolve } = Promise.withResolvers<Duplex>();
      const listener = await listen((stream) => resolve(keep(stream)));
      const stream = keep(await transport.dial(listener.address));
      const other = await accepted;
      await listener.close();
      await expect(transport.dial(listener.address)).rejects.toThrow('nobody listens there');
      stream.write('still here');
      expect(String((await once(other, 'data'))[0])).toBe('still here');
      const next = await transport.listen(listener.address, keep);
      open.listeners.push(next);
      expect(next.address).toBe(listener.address);
    });

    it('takes IPv6', async () => {
      const listener = await transport.listen('[::1]:0', (stream) => keep(stream).pipe(stream));
      open.listeners.push(listener);
      expect(listener.address).toMatch(/^\[::1\]:\d+$/);
      const stream = keep(await transport.dial(listener.address));
      stream.write('six');
      expect(String((await once(stream, 'data'))[0])).toBe('six');
    });
  });
}

/** Resolves with the digest of the next so many bytes. */
function receive(stream: Duplex, bytes: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const hash = createHash('sha256');
  let got = 0;
  const take = (chunk: Buffer): void => {
    hash.update(chunk);
    got += chunk.length;
    if (got < bytes) return;
    stream.off('data', take);
    resolve(hash.digest('hex'));
  };
  stream.on('data', take);
  stream.once('close', () => reject(new Error(`over after ${got} of ${bytes} bytes`)));
  return promise;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
