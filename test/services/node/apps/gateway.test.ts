import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { MeshApp, type MeshStream } from '../../../../services/mesh/index.ts';
import { AppGateway } from '../../../../services/node/apps/gateway.ts';
import { Queue } from '../../signal/support.ts';
import { JoinedCarrier, joinedNodes, startApp } from './joined.ts';
import { RawConnection, registerRaw } from './raw-app.ts';

const echo = (stream: MeshStream) => pipeline(stream, stream);

describe('the socket for apps', () => {
  it('is open to its group and nobody else', async () => {
    const [{ node }] = await joinedNodes();
    expect((await stat(node)).mode & 0o777).toBe(0o660);
  });

  it('is on loopback only', async () => {
    const gateway = new AppGateway({ carrier: new JoinedCarrier([]), tcp: { host: '0.0.0.0', port: 0 } });
    await expect(gateway.listen()).rejects.toThrow('0.0.0.0:0 is no loopback address');
  });

  it.each([
    ['a page of the web', 'GET / HTTP/1.1', 'invalid'],
    ['nothing', '', 'invalid'],
    ['a line that is too long', 'x'.repeat(5_000), 'invalid'],
    ['bytes that are no text', '\xff\xfe', 'invalid'],
    ['an accept of nothing', '{"skywire":1,"want":"accept","token":"t","id":2}', 'invalid'],
    [
      'a stream without registration',
      '{"skywire":1,"want":"stream","token":"t","id":1,"to":{"app":"a"}}',
      'invalid',
    ],
  ])('answers %s with an error, and closes', async (_, line, error) => {
    const [{ node, gateway }] = await joinedNodes();
    const raw = await RawConnection.open(node);
    raw.socket.write(Buffer.from(`${line}\n`, 'latin1'));
    expect(await raw.line()).toMatchObject({ error, message: expect.any(String) });
    expect(await raw.rest()).toBe('');
    raw.socket.destroy();
    await until(() => gateway.figures.connections === 0);
  });

  it('cuts off who does not finish the first line', async () => {
    const [{ node }] = await joinedNodes({ firstLineMs: 50 });
    const raw = await RawConnection.open(node);
    raw.socket.write('{"skywire":1,');
    expect(await raw.line()).toMatchObject({ error: 'timeout' });
    expect(await raw.rest()).toBe('');
  });

  it('lets the longest silent go where there are too many, and keeps those who said what they want', async () => {
    const [there, here] = await joinedNodes({ maxConnections: 6 });
    await startApp(there, 'server', { onStream: echo });
    const client = await startApp(here, 'client');
    const stream = await client.connect({ app: 'server' });
    const silent = [];
    for (let count = 0; count < 20; count++) silent.push(await RawConnection.open(here.node));
    expect(await silent[0]?.rest()).toBe('');
    expect(here.gateway.figures.connections).toBeLessThanOrEqual(6);
    stream.end('still here');
    expect(await text(stream)).toBe('still here');
  });
});

describe('a registration', () => {
  it('ends with a message that is not understood, and frees the name', async () => {
    const [node] = await joinedNodes();
    const { app } = await registerRaw(node.node, 'server');
    app.say('nonsense');
    expect(await app.rest()).toContain('"code":-32700');
    await until(() => !node.carrier.apps.has('server'));
  });

  it('takes no number twice, and none of the node', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', { onStream: echo });
    const { token } = await registerRaw(here.node, 'client');
    const ask = async (id: number) => {
      const raw = await RawConnection.open(here.node);
      raw.say({ skywire: 1, want: 'stream', token, id, to: { app: 'server' } });
      return raw.line();
    };
    expect(await ask(1)).toMatchObject({ remote: { app: 'server', node: there.key } });
    expect(await ask(1)).toMatchObject({ error: 'invalid' });
    expect(await ask(2)).toMatchObject({ error: 'invalid' });
    expect(await ask(3)).toMatchObject({ remote: { app: 'server', node: there.key } });
  });

  it('accepts only what was announced to it', async () => {
    const [there] = await joinedNodes();
    const { token } = await registerRaw(there.node, 'server');
    const raw = await RawConnection.open(there.node);
    raw.say({ skywire: 1, want: 'accept', token, id: 2 });
    expect(await raw.line()).toMatchObject({ error: 'not-found' });
  });

  it('has a deadline for accepting', async () => {
    const [there, here] = await joinedNodes({ acceptMs: 50 });
    const { app } = await registerRaw(there.node, 'hangs');
    const client = await startApp(here, 'client');
    await expect(client.connect({ app: 'hangs' })).rejects.toMatchObject({ code: 'timeout' });
    expect(await app.line()).toMatchObject({ method: 'app.incoming', params: { id: 2, kind: 'stream' } });
  });

  it('refuses with the reason that the app gives', async () => {
    const [there, here] = await joinedNodes();
    const { app } = await registerRaw(there.node, 'busy');
    const client = await startApp(here, 'client');
    const refused = expect(client.connect({ app: 'busy' })).rejects.toMatchObject({
      code: 'refused',
      message: 'come back later',
    });
    const incoming = await app.line();
    app.say({ jsonrpc: '2.0', id: incoming?.id, error: { code: 1, message: 'come back later' } });
    await refused;
  });
});

describe('a stream of an app', () => {
  /** A stream that an app by hand has opened to one of the library. */
  async function open() {
    const [there, here] = await joinedNodes();
    const taken = new Queue<MeshStream>();
    await startApp(there, 'server', { onStream: (stream) => taken.push(stream) });
    const { app, token } = await registerRaw(here.node, 'client');
    const near = await RawConnection.open(here.node);
    near.say({ skywire: 1, want: 'stream', token, id: 7, to: { app: 'server' } });
    await near.line();
    const far = await taken.next();
    const tell = (method: string, params: object) => app.say({ jsonrpc: '2.0', method, params });
    return { app, near, far, tell };
  }

  it('ends when the app has said how many bytes there are, before or after their end', async () => {
    for (const order of ['before', 'after']) {
      const { near, far, tell } = await open();
      if (order === 'before') tell('stream.end', { id: 7, bytes: 5 });
      near.socket.end('hello');
      const whole = text(far);
      await once(far, 'readable');
      if (order === 'after') tell('stream.end', { id: 7, bytes: 5 });
      expect(await whole).toBe('hello');
    }
  });

  it('is reset when another number of bytes comes than was said', async () => {
    const { near, far, tell } = await open();
    const whole = expect(buffer(far)).rejects.toMatchObject({ code: 'reset' });
    tell('stream.end', { id: 7, bytes: 6 });
    near.socket.end('hello');
    await whole;
  });

  it('is reset when the app closes it without a word and is gone', async () => {
    const { app, near, far } = await open();
    const whole = expect(buffer(far)).rejects.toMatchObject({ code: 'reset' });
    near.socket.end('hello');
    app.socket.destroy();
    await whole;
  });

  it('still arrives as a whole when the app had finished it and is gone', async () => {
    const { app, near, far, tell } = await open();
    const bytes = randomBytes(1_000_000);
    tell('stream.end', { id: 7, bytes: bytes.length });
    near.socket.end(bytes);
    await once(near.socket, 'finish');
    app.socket.destroy();
    near.socket.destroy();
    expect((await buffer(far)).equals(bytes)).toBe(true);
  });

  it('may not send before the answer', async () => {
    const [, here] = await joinedNodes();
    const { token } = await registerRaw(here.node, 'client');
    here.carrier.openStream = async (_to, _from, signal) => {
      if (!signal.aborted) await once(signal, 'abort');
      throw signal.reason;
    };
    const raw = await RawConnection.open(here.node);
    raw.say({ skywire: 1, want: 'stream', token, id: 1, to: { app: 'server' } });
    raw.say('too soon');
    expect(await raw.line()).toMatchObject({ error: 'invalid' });
  });

  it('is told the mesh’s end, with its bytes, and a reset with its reason', async () => {
    const { app, near, far } = await open();
    far.write('abc');
    far.end();
    expect(await app.line()).toMatchObject({ method: 'stream.end', params: { id: 7, bytes: 3 } });
    expect(await near.rest()).toBe('abc');
    far.destroy(new Error('gone'));
    expect(await app.line()).toMatchObject({ method: 'stream.reset', params: { id: 7, reason: 'gone' } });
  });
});

describe('the end of a node', () => {
  it('leaves nothing open', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', { onStream: echo });
    const client = await MeshApp.start({ node: here.node, name: 'client', type: 'test' });
    const stream = await client.connect({ app: 'server' });
    const failed = expect(buffer(stream)).rejects.toMatchObject({ name: 'MeshError' });
    await here.gateway.close();
    await failed;
    expect(here.gateway.figures).toEqual({ apps: 0, connections: 0 });
    await expect(stat(here.node)).rejects.toMatchObject({ code: 'ENOENT' });
    await client.close();
  });
});

/** The test's own time limit is the deadline. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
