import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { splice } from '../../../services/mesh/splice.ts';
import { socketPair } from '../signal/support.ts';

/** Two ends that a splice joins: what is written to `left` comes out of `right`, and the other way round. */
async function spliced() {
  const [left, one] = await tcpPair();
  const [other, right] = await tcpPair();
  const count = { forth: 0, back: 0 };
  const done = splice(one, other, count);
  return { left, right, done, count };
}

async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

/** All that comes; unlike stream/consumers it leaves the direction back alone. */
async function all(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  if (!socket.readableEnded) await once(socket, 'end');
  return Buffer.concat(chunks);
}

const megabytes = (count: number) => Buffer.alloc(count * 1024 * 1024, 'skyminer');

describe('splice', () => {
  it('carries both directions to their ends and then closes', async () => {
    const { left, right, done, count } = await spliced();
    const [question, answer] = [megabytes(3), megabytes(5)];
    left.end(question);
    right.end(answer);
    const [heard, answered] = await Promise.all([all(right), all(left)]);
    expect(heard.equals(question)).toBe(true);
    expect(answered.equals(answer)).toBe(true);
    expect(await done).toBeUndefined();
    expect(count).toEqual({ forth: question.length, back: answer.length });
  });

  it.each(['left', 'right'] as const)('keeps one direction open when %s ends the other', async (first) => {
    const ends = await spliced();
    const [ender, answerer] = first === 'left' ? [ends.left, ends.right] : [ends.right, ends.left];
    ender.end('that is all');
    expect((await all(answerer)).toString()).toBe('that is all');
    answerer.write('an answer ');
    expect((await once(ender, 'data')).toString()).toBe('an answer ');
    answerer.end('to it');
    expect((await all(ender)).toString()).toBe('to it');
    expect(await ends.done).toBeUndefined();
  });

  it('passes on an end that came before it began', async () => {
    const [left, one] = await tcpPair();
    const [other, right] = await tcpPair();
    left.end();
    await once(one, 'end');
    const done = splice(one, other);
    expect(await all(right)).toHaveLength(0);
    right.end('an answer');
    expect((await all(left)).toString()).toBe('an answer');
    expect(await done).toBeUndefined();
  });

  it('breaks the other end off when one is reset', async () => {
    const { left, right, done } = await spliced();
    left.write('the first half');
    await once(right, 'data');
    left.resetAndDestroy();
    expect(await once(right, 'error').catch((error) => error)).toMatchObject([{ code: 'ECONNRESET' }]);
    expect(await done).toMatchObject({ code: 'ECONNRESET' });
  });

  it('delivers what had ended before its sender broke off', async () => {
    const { left, right, done } = await spliced();
    const answer = megabytes(8);
    right.end(answer);
    await once(left, 'readable');
    right.resetAndDestroy();
    left.write('too late');
    const heard = await all(left).catch((error: NodeJS.ErrnoException) => error.code);
    // Whether RST overtakes the bytes in right's own kernel is not ours; half of them never look like all.
    if (typeof heard === 'object') expect(heard.equals(answer)).toBe(true);
    else expect(heard).toBe('ECONNRESET');
    left.destroy();
    await done;
  });

  it('holds back a sender whose receiver does not read, and loses nothing', async () => {
    const { left, right, done, count } = await spliced();
    right.pause();
    const sent = megabytes(64);
    left.end(sent);
    // Kernel and streams are full when the count stands still although the loop has turned many times.
    for (let last = -1, turns = 0; turns < 200; turns = last === count.forth ? turns + 1 : 0) {
      last = count.forth;
      await new Promise(setImmediate);
    }
    expect(count.forth).toBeLessThan(sent.length);
    const heard = all(right);
    expect((await heard).equals(sent)).toBe(true);
    right.end();
    left.resume();
    await done;
  });

  it('joins other streams than TCP, and takes one that is closed already', async () => {
    const [left, one] = await socketPair();
    const [other, right] = await socketPair();
    other.destroy();
    await once(other, 'close');
    const done = splice(one, other);
    await Promise.all([once(left, 'close'), once(right, 'close'), done]);
    expect(one.destroyed).toBe(true);
  });
});
