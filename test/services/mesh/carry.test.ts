import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { carry } from '../../../services/mesh/carry.ts';
import type { MeshStream } from '../../../services/mesh/index.ts';
import { MeshSocket } from '../../../services/mesh/stream.ts';
import { WideSocket } from '../../../services/net/wide-socket.ts';
import { joinedNodes, startApp } from '../node/apps/joined.ts';
import { Queue } from '../signal/support.ts';

const bulk = 20_000_000;
/** More than goes through the apps before the nodes have the sockets, and much less than all. */
const little = 8_000_000;

interface Carried {
  /** What a program at this end has. */
  program: Socket;
  stream: MeshStream;
  count: { forth: number; back: number };
  done: Promise<Error | undefined>;
}

/** Two programs with a TCP connection each, which two apps at two nodes join through the mesh. */
async function carried(options: { overTcp?: boolean } = {}) {
  const [there, here] = await joinedNodes(options);
  const taken = new Queue<MeshStream>();
  const server = await startApp(there, 'server', { onStream: (stream) => taken.push(stream) });
  const client = await startApp(here, 'client');
  const near = await client.connect({ app: 'server' });
  const far = await taken.next();
  return { near: await end(near), far: await end(far), client, server };
}

async function end(stream: MeshStream): Promise<Carried> {
  const accepted = Promise.withResolvers<WideSocket>();
  const listener = createServer({ pauseOnConnect: true }, (socket) =>
    accepted.resolve(WideSocket.adopt(socket, { allowHalfOpen: true })),
  ).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const program = connect({ port, allowHalfOpen: true });
  const socket = await accepted.promise;
  listener.close();
  onTestFinished(() => {
    program.destroy();
    socket.destroy();
  });
  program.on('error', () => undefined);
  stream.on('error', () => undefined);
  const count = { forth: 0, back: 0 };
  return { program, stream, count, done: carry(socket, stream, count) };
}

/** @returns what a program reads, as a hash, to the end of it */
async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) hash.update(chunk);
  return hash.digest('hex');
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Bytes of the stream that its app has seen. */
function throughApp({ stream }: Carried): number {
  if (!(stream instanceof MeshSocket)) throw new Error('no stream of an app');
  return stream.carried.sent + stream.carried.received;
}

/** Sends until the nodes have both sockets: from then on nothing more passes the apps. */
async function passed({ near, far }: { near: Carried; far: Carried }): Promise<void> {
  far.program.resume();
  for (let before = -1; throughApp(near) + throughApp(far) !== before; ) {
    before = throughApp(near) + throughApp(far);
    near.program.write(randomBytes(1_000_000));
    while (far.program.bytesRead < near.program.bytesWritten) await once(far.program, 'data');
  }
}

describe('a socket that carries much', () => {
  it('goes on without the apps, in both directions to their ends', async () => {
    const { near, far } = await carried();
    const [question, answer] = [randomBytes(bulk), randomBytes(bulk)];
    near.program.end(question);
    far.program.end(answer);
    const heard = await Promise.all([hashOf(far.program), hashOf(near.program)]);
    expect(heard).toEqual([sha256(question), sha256(answer)]);
    expect(await Promise.all([near.done, far.done])).toEqual([undefined, undefined]);
    expect([near.count, far.count]).toEqual([
      { forth: bulk, back: bulk },
      { forth: bulk, back: bulk },
    ]);
    expect(throughApp(near)).toBeLessThan(little);
    expect(throughApp(far)).toBeLessThan(little);
  });

  it('keeps one direction open when the other one ends', async () => {
    const { near, far } = await carried();
    const question = randomBytes(bulk);
    near.program.end(question);
    expect(await hashOf(far.program)).toBe(sha256(question));
    expect(throughApp(near)).toBeLessThan(little);
    const answer = randomBytes(bulk);
    far.program.end(answer);
    expect(await hashOf(near.program)).toBe(sha256(answer));
    expect(await Promise.all([near.done, far.done])).toEqual([undefined, undefined]);
  });

  it.each([
    ['the program breaks its connection', ({ near }) => void near.program.resetAndDestroy()],
    ['its app ends the stream', ({ near }) => void near.stream.destroy(new Error('enough'))],
    ['its app is closed', ({ client }) => void client.close()],
  ] satisfies [string, (all: Awaited<ReturnType<typeof carried>>) => void][])(
    'is broken off at the other end when %s',
    async (_, breakOff) => {
      const all = await carried();
      await passed(all);
      const broken = once(all.far.program, 'error');
      breakOff(all);
      const [error] = await broken;
      expect(error.code).toBe('ECONNRESET');
      expect(await all.far.done).toMatchObject({ name: 'MeshError', code: 'reset' });
      expect(await all.near.done).toBeInstanceOf(Error);
    },
  );

  it('may send for ever while its program does not read', async () => {
    const { near, far } = await carried();
    // Nobody reads this: it stands in all buffers on the way.
    far.program.write(randomBytes(bulk));
    const sent = randomBytes(bulk);
    near.program.end(sent);
    expect(await hashOf(far.program)).toBe(sha256(sent));
    far.program.end();
    near.program.resume();
    await once(near.program, 'end');
    expect(near.program.bytesRead).toBe(bulk);
    expect(await Promise.all([near.done, far.done])).toEqual([undefined, undefined]);
  });

  it('stays where it is when the node is reached by TCP', async () => {
    const { near, far } = await carried({ overTcp: true });
    const sent = randomBytes(bulk);
    near.program.end(sent);
    expect(await hashOf(far.program)).toBe(sha256(sent));
    expect(throughApp(near)).toBe(bulk);
    far.program.end();
    near.program.resume();
    expect(await Promise.all([near.done, far.done])).toEqual([undefined, undefined]);
  });
});

describe('a short stream', () => {
  it('is carried by its apps', async () => {
    const { near, far } = await carried();
    near.program.end('question');
    expect(await hashOf(far.program)).toBe(sha256(Buffer.from('question')));
    expect(throughApp(near)).toBe(8);
    far.program.end('answer');
    expect(await hashOf(near.program)).toBe(sha256(Buffer.from('answer')));
    expect(await Promise.all([near.done, far.done])).toEqual([undefined, undefined]);
  });
});

describe('an app that passes', () => {
  /** A stream that the node holds, and what passes things for it. */
  async function held() {
    const [there, here] = await joinedNodes();
    const taken = new Queue<MeshStream>();
    await startApp(there, 'server', { onStream: (stream) => taken.push(stream) });
    const client = await startApp(here, 'client');
    const near = await client.connect({ app: 'server' });
    const far = await taken.next();
    far.on('error', () => undefined);
    if (!(near instanceof MeshSocket) || near.passer === undefined) throw new Error('no stream of an app');
    near.on('error', () => undefined);
    expect(await near.passer.hold(near.id)).toEqual({ bytes: 0 });
    return { near, far, passer: near.passer };
  }

  it.each([
    ['nothing', () => undefined, 'no socket was passed'],
    [
      'a file',
      ({ near, passer }) => {
        const file = openSync(import.meta.filename, 'r');
        passer.send(near.id, file);
        closeSync(file);
      },
      'what was passed is no socket',
    ],
    [
      'the socket of another stream',
      ({ near, passer }) => passer.send(near.id + 2, near.descriptor),
      'the socket that was passed is for another stream',
    ],
  ] satisfies [
    string,
    (stream: Awaited<ReturnType<typeof held>> & { near: { descriptor: number } }) => void,
    string,
  ][])('%s loses that stream alone', async (_, send, reason) => {
    const stream = await held();
    const over = new Promise((resolve) => stream.far.once('close', resolve));
    const descriptor = Reflect.get(Reflect.get(stream.near, '_handle'), 'fd');
    send({ ...stream, near: Object.assign(stream.near, { descriptor }) });
    expect(await stream.near.pass()).toMatchObject({ reason });
    await over;
    expect(stream.far.errored?.message).toBe(reason);
  });

  it('goes on as before when it does not pass after all', async () => {
    const { near, far } = await held();
    far.write('hello');
    near.unhold();
    const [said] = await once(near, 'data');
    expect(said.toString()).toBe('hello');
  });
});
