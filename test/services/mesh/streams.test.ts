import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import type { MeshStream } from '../../../services/mesh/index.ts';
import { joinedNodes, startApp } from '../node/apps/joined.ts';
import { Queue } from '../signal/support.ts';

/** An app at the first node that streams come to, and one at the second that opens them. */
async function pair(options: { overTcp?: boolean } = {}) {
  const [there, here] = await joinedNodes(options);
  const taken = new Queue<MeshStream>();
  const server = await startApp(there, 'server', { onStream: (stream) => taken.push(stream) });
  const client = await startApp(here, 'client');
  const open = async () => {
    const near = await client.connect({ app: 'server' });
    return { near, far: await taken.next() };
  };
  return { there, here, server, client, taken, open };
}

/** Resolves with the error a stream ends with. */
async function errorOf(stream: MeshStream): Promise<Error> {
  const [error] = await once(stream, 'error');
  return error;
}

describe.each([
  ['a Unix socket', false],
  ['TCP', true],
])('a stream over %s', (_, overTcp) => {
  it('says who is at the other end', async () => {
    const { open, there, here } = await pair({ overTcp });
    const { near, far } = await open();
    expect(near.remote).toEqual({ node: there.key, app: 'server' });
    expect(far.remote).toEqual({ node: here.key, app: 'client' });
  });

  it('carries bytes in both directions, and each direction ends for itself', async () => {
    const { open } = await pair({ overTcp });
    const { near, far } = await open();
    const sent = randomBytes(8_000_000);
    near.end(sent);
    expect((await buffer(far)).equals(sent)).toBe(true);
    expect(far.writable).toBe(true);
    far.write('still ');
    far.end('here');
    expect(await text(near)).toBe('still here');
    await Promise.all([near, far].map(async (stream) => stream.closed || (await once(stream, 'close'))));
    expect([near.errored, far.errored]).toEqual([null, null]);
  });

  it('ends with an error, and with the reason, when the other end resets it', async () => {
    const { open } = await pair({ overTcp });
    const { near, far } = await open();
    near.write('part');
    await once(far, 'data');
    const failed = errorOf(far);
    near.on('error', () => undefined).destroy(new Error('changed my mind'));
    expect(await failed).toMatchObject({ name: 'MeshError', code: 'reset', message: 'changed my mind' });
  });

  it('is never taken for complete when an end is destroyed before it was done', async () => {
    const { open } = await pair({ overTcp });
    const { near, far } = await open();
    near.write(randomBytes(100_000));
    const whole = expect(buffer(far)).rejects.toMatchObject({ code: 'reset' });
    near.destroy();
    await whole;
  });

  it('waits for a slow reader, which slows no other stream', async () => {
    const { open } = await pair({ overTcp });
    const slow = await open();
    const quick = await open();
    const chunk = Buffer.alloc(65_536);
    const chunks = 1_000;
    // More than all buffers on the way hold.
    for (let count = 0; count < chunks; count++) slow.near.write(chunk);
    slow.near.end();
    const sent = randomBytes(20_000_000);
    const received = buffer(quick.far);
    quick.near.end(sent);
    expect((await received).equals(sent)).toBe(true);
    expect(slow.near.writableLength).toBeGreaterThan(0);
    let bytes = 0;
    for await (const part of slow.far) bytes += part.length;
    expect(bytes).toBe(chunks * chunk.length);
  });

  it('echoes a large transfer through a pipeline', async () => {
    const { open } = await pair({ overTcp });
    const { near, far } = await open();
    const echoed = pipeline(far, far);
    const sent = randomBytes(30_000_000);
    near.end(sent);
    const hash = createHash('sha256');
    for await (const chunk of near) hash.update(chunk);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    await echoed;
  });
});

describe('many streams', () => {
  it('are a thousand at once, each with its own bytes', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', { onStream: (stream) => pipeline(stream, stream) });
    const client = await startApp(here, 'client');
    const streams = await Promise.all(Array.from({ length: 1_000 }, () => client.connect({ app: 'server' })));
    const echoes = streams.map(async (stream, index) => {
      stream.end(`stream ${index} `.repeat(100));
      return text(stream);
    });
    expect(await Promise.all(echoes)).toEqual(streams.map((_, index) => `stream ${index} `.repeat(100)));
    expect(here.gateway.figures.apps).toBe(1);
  });
});
