import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  CallTimeout,
  ConnectionLost,
  channelOfSocket,
  errorCode,
  InvalidResult,
  MessageTooLarge,
  Peer,
  PeerBusy,
  type PeerOptions,
  RpcError,
} from '../../../services/signal/index.ts';
import { Queue, socketPair } from './support.ts';

const anything = { parse: (value: unknown) => value };
const sum = z.object({ a: z.number(), b: z.number() });

async function peerPair(left: PeerOptions = {}, right: PeerOptions = {}): Promise<[Peer, Peer]> {
  const [a, b] = await socketPair();
  return [new Peer(channelOfSocket(a), left), new Peer(channelOfSocket(b), right)];
}

describe('a peer', () => {
  it('calls and serves in both directions', async () => {
    const [left, right] = await peerPair();
    for (const peer of [left, right]) peer.handle('sum', sum, ({ a, b }) => a + b);
    expect(await left.call('sum', { a: 1, b: 2 }, z.number())).toBe(3);
    expect(await right.call('sum', { a: 3, b: 4 }, z.number())).toBe(7);
  });

  it('matches each answer with its own call, in whatever order the answers come', async () => {
    const [left, right] = await peerPair();
    const gates = new Map<number, () => void>();
    right.handle('wait', z.object({ n: z.number() }), ({ n }) => {
      return new Promise((resolve) => gates.set(n, () => resolve(n)));
    });
    right.handle('open', z.object({ n: z.number() }), ({ n }) => gates.get(n)?.());
    const waiting = [1, 2, 3].map((n) => left.call('wait', { n }, z.number()));
    for (const n of [3, 1, 2]) await left.call('open', { n }, anything);
    expect(await Promise.all(waiting)).toEqual([1, 2, 3]);
  });

  it('takes notifications in the order in which they were sent', async () => {
    const [left, right] = await peerPair();
    const seen: number[] = [];
    right.handle('note', z.object({ n: z.number() }), ({ n }) => void seen.push(n));
    right.handle('done', anything, () => null);
    for (let n = 0; n < 500; n++) left.notify('note', { n });
    await left.call('done', {}, anything);
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });

  it('answers wrong params, an unknown method and a failing handler with their codes', async () => {
    const [left, right] = await peerPair();
    right.handle('sum', sum, ({ a, b }) => a + b);
    right.handle('fail', anything, () => {
      throw new Error('out of paper');
    });
    right.handle('refuse', anything, () => {
      throw new RpcError(42, 'not today', { data: { until: 'Monday' } });
    });
    await expect(left.call('sum', { a: 'x', b: 1 }, z.number())).rejects.toMatchObject({
      name: 'RpcError',
      code: errorCode.invalidParams,
      message: expect.stringContaining('a: '),
    });
    await expect(left.call('nothing', {}, anything)).rejects.toMatchObject({
      code: errorCode.methodNotFound,
    });
    await expect(left.call('fail', {}, anything)).rejects.toMatchObject({
      code: errorCode.internal,
      message: 'fail failed: out of paper',
    });
    await expect(left.call('refuse', {}, anything)).rejects.toMatchObject({
      code: 42,
      message: 'not today',
      data: { until: 'Monday' },
    });
  });

  it('rejects an answer of another shape than promised', async () => {
    const [left, right] = await peerPair();
    right.handle('name', anything, () => 5);
    await expect(left.call('name', {}, z.string())).rejects.toBeInstanceOf(InvalidResult);
  });

  it('gives a call up at its deadline, and the connection stands', async () => {
    const [left, right] = await peerPair({ timeoutMs: 20 });
    const late = Promise.withResolvers<string>();
    right.handle('hang', anything, () => late.promise);
    right.handle('live', anything, () => 'yes');
    await expect(left.call('hang', {}, anything)).rejects.toBeInstanceOf(CallTimeout);
    late.resolve('too late');
    expect(await left.call('live', {}, z.string(), { timeoutMs: null })).toBe('yes');
  });

  it('gives a call up when its signal is aborted', async () => {
    const [left, right] = await peerPair();
    right.handle('hang', anything, () => new Promise(() => undefined));
    const controller = new AbortController();
    const call = left.call('hang', {}, anything, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(call).rejects.toThrow('changed my mind');
  });

  it('rejects what is pending when the connection is lost, and tells the handlers at the other end', async () => {
    const [left, right] = await peerPair();
    const begun = Promise.withResolvers<AbortSignal>();
    right.handle('hang', anything, (_params, { signal }) => {
      begun.resolve(signal);
      return new Promise(() => undefined);
    });
    const call = left.call('hang', {}, anything, { timeoutMs: null });
    const signal = await begun.promise;
    const aborted = once(signal, 'abort');
    left.close('enough');
    await expect(call).rejects.toBeInstanceOf(ConnectionLost);
    await expect(call).rejects.toThrow('hang: enough');
    await aborted;
    expect(await left.closed).toBe('enough');
    expect(await right.closed).toContain('closed');
    await expect(left.call('hang', {}, anything)).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('refuses to send what the other end would refuse to read', async () => {
    const [left, right] = await peerPair({ maxBytes: 1000 }, { maxBytes: 1000 });
    right.handle('echo', anything, (value) => value);
    right.handle('long', anything, () => 'x'.repeat(1000));
    await expect(left.call('echo', { text: 'é'.repeat(500) }, anything)).rejects.toBeInstanceOf(
      MessageTooLarge,
    );
    await expect(left.call('long', {}, anything)).rejects.toMatchObject({ code: errorCode.internal });
    expect(await left.call('echo', { text: 'short' }, anything)).toEqual({ text: 'short' });
  });

  it('bounds the calls that wait, at both ends', async () => {
    const [left, right] = await peerPair({ maxPending: 3 }, { maxPending: 2 });
    const gate = Promise.withResolvers<string>();
    right.handle('wait', anything, () => gate.promise);
    const calls = [1, 2, 3].map(() => left.call('wait', {}, z.string()));
    await expect(left.call('wait', {}, anything)).rejects.toBeInstanceOf(PeerBusy);
    await expect(calls[2]).rejects.toMatchObject({ code: errorCode.busy });
    gate.resolve('open');
    expect(await Promise.all(calls.slice(0, 2))).toEqual(['open', 'open']);
    expect(await left.call('wait', {}, z.string())).toBe('open');
  });

  it('closes on an answer that nobody asked for', async () => {
    const [socket, other] = await socketPair();
    const peer = new Peer(channelOfSocket(socket));
    other.write('{"jsonrpc":"2.0","id":99,"result":1}\n');
    expect(await peer.closed).toBe('an answer to no request');
  });
});

describe('a peer and a batch', () => {
  it('answers it with one array that leaves out the notifications', async () => {
    const [socket, other] = await socketPair();
    const peer = new Peer(channelOfSocket(socket));
    peer.handle('sum', sum, ({ a, b }) => a + b);
    const lines = linesOf(other);
    const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'sum', params: { a: id, b: 1 } });
    const note = { jsonrpc: '2.0', method: 'sum', params: { a: 1, b: 1 } };
    other.write(`${JSON.stringify([call(1), note, call(2), { ...call(3), method: 'none' }])}\n`);
    expect(await lines.next()).toEqual([
      { jsonrpc: '2.0', id: 1, result: 2 },
      { jsonrpc: '2.0', id: 2, result: 3 },
      { jsonrpc: '2.0', id: 3, error: { code: -32_601, message: 'no method "none"' } },
    ]);
  });

  it('answers nothing to notifications alone', async () => {
    const [socket, other] = await socketPair();
    const peer = new Peer(channelOfSocket(socket));
    peer.handle('sum', sum, ({ a, b }) => a + b);
    const lines = linesOf(other);
    other.write('[{"jsonrpc":"2.0","method":"sum"},{"jsonrpc":"2.0","method":"none"}]\n');
    other.write('{"jsonrpc":"2.0","id":5,"method":"sum","params":{"a":1,"b":1}}\n');
    expect(await lines.next()).toEqual({ jsonrpc: '2.0', id: 5, result: 2 });
  });

  it('answers the wrong entries of one, then closes', async () => {
    const [socket, other] = await socketPair();
    const peer = new Peer(channelOfSocket(socket));
    const lines = linesOf(other);
    other.write('[1,2]\n');
    const wrong = {
      jsonrpc: '2.0',
      id: null,
      error: { code: -32_600, message: 'a message must be an object' },
    };
    expect(await lines.next()).toEqual([wrong, wrong]);
    expect(await peer.closed).toBe('a message must be an object');
  });

  it('does not answer with more than the other end takes', async () => {
    const [socket, other] = await socketPair();
    const peer = new Peer(channelOfSocket(socket), { maxBytes: 1000 });
    peer.handle('long', anything, () => 'x'.repeat(900));
    const lines = linesOf(other);
    other.write('[{"jsonrpc":"2.0","id":1,"method":"long"},{"jsonrpc":"2.0","id":2,"method":"long"}]\n');
    expect(await lines.next()).toMatchObject({ id: null, error: { code: errorCode.internal } });
  });
});

function linesOf(socket: NodeJS.ReadableStream): Queue<unknown> {
  const queue = new Queue<unknown>();
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) queue.push(JSON.parse(line));
  });
  return queue;
}
