import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { MeshApp, type MeshChannel, type MeshStream, showMesh } from '../../../services/mesh/index.ts';
import { joinedNodes, quick, startApp, startNode } from '../node/apps/joined.ts';
import { Queue, scratchFolder } from '../signal/support.ts';

const echo = (stream: MeshStream) => pipeline(stream, stream);

async function ask(app: MeshApp, to: Parameters<MeshApp['connect']>[0], what: string): Promise<string> {
  const stream = await app.connect(to);
  stream.end(what);
  return text(stream);
}

describe('an app', () => {
  it('is reached by its name, and by its node and name', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', { onStream: echo });
    const client = await startApp(here, 'client');
    expect(client.node).toBe(here.key);
    expect(await ask(client, { app: 'server' }, 'by name')).toBe('by name');
    expect(await ask(client, { node: there.key, app: 'server' }, 'by key')).toBe('by key');
    await expect(client.connect({ node: here.key, app: 'server' })).rejects.toMatchObject({
      name: 'MeshError',
      code: 'not-found',
    });
  });

  it('is refused to those who are not on its list, and says so when it takes no streams', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'choosy', { onStream: echo, access: [there.key] });
    await startApp(there, 'quiet');
    const client = await startApp(here, 'client');
    await expect(client.connect({ app: 'choosy' })).rejects.toMatchObject({ code: 'refused' });
    await expect(client.connect({ app: 'quiet' })).rejects.toMatchObject({
      code: 'refused',
      message: 'quiet takes no streams',
    });
    const member = await startApp(there, 'member');
    expect(await ask(member, { app: 'choosy' }, 'from the list')).toBe('from the list');
  });

  it('has its name to itself, and a new process takes it back', async () => {
    const [node, other] = await joinedNodes();
    const first = await startApp(node, 'server', { onStream: echo });
    await expect(startApp(node, 'server')).rejects.toMatchObject({ code: 'name-taken' });
    await first.close();
    await startApp(node, 'server', { onStream: echo });
    expect(await ask(await startApp(other, 'client'), { app: 'server' }, 'again')).toBe('again');
  });

  it('waits for a node that is not there yet, and says why', async () => {
    const [there, here] = await joinedNodes();
    const path = `${await scratchFolder()}/later.sock`;
    const problems = new Queue<string>();
    const starting = MeshApp.start({
      node: path,
      name: 'early',
      type: 'test',
      backoff: quick,
      onProblem: (message) => problems.push(message),
    });
    expect(await problems.next()).toContain(`no node answers on ${path}`);
    await startNode(there.carrier, { path });
    const app = await starting;
    expect(app.node).toBe(there.key);
    expect(here.key).not.toBe(there.key);
    await app.close();
  });

  it('stops waiting when it is told to', async () => {
    const abort = new AbortController();
    const starting = MeshApp.start({
      ...{ node: '/nowhere/node.sock', name: 'app', type: 'test', signal: abort.signal },
      onProblem: () => abort.abort(new Error('enough')),
    });
    await expect(starting).rejects.toThrow('enough');
  });

  it('comes back to a node that was restarted: old streams fail, new ones work', async () => {
    const [there, here] = await joinedNodes();
    const server = await startApp(there, 'server', { onStream: echo });
    const client = await startApp(here, 'client');
    const old = await client.connect({ app: 'server' });
    old.write('part');
    await once(old, 'data');
    const failed = expect(buffer(old)).rejects.toMatchObject({ name: 'MeshError', code: 'reset' });
    const lost = once(server, 'lost');
    await there.gateway.close();
    await failed;
    expect(await lost).toEqual([expect.any(String)]);
    await expect(server.connect({ app: 'server' })).rejects.toMatchObject({ code: 'node-lost' });
    const registered = once(server, 'registered');
    await startNode(there.carrier, { path: there.node });
    await registered;
    expect(await ask(client, { app: 'server' }, 'new')).toBe('new');
  });

  it('gives up a connection that nobody answers, and the node does so too', async () => {
    const [there, here] = await joinedNodes();
    const client = await startApp(here, 'client');
    const asked = Promise.withResolvers<AbortSignal>();
    here.carrier.openStream = async (_to, _from, signal) => {
      asked.resolve(signal);
      await once(signal, 'abort');
      throw signal.reason;
    };
    const abort = new AbortController();
    const connecting = client.connect({ node: there.key, app: 'server' }, { signal: abort.signal });
    const atNode = await asked.promise;
    abort.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    if (!atNode.aborted) await once(atNode, 'abort');
    expect(atNode.reason).toMatchObject({ name: 'MeshError', code: 'reset' });
  });

  it('survives a stream whose errors it does not listen for, and is told', async () => {
    const [there, here] = await joinedNodes();
    const server = await startApp(there, 'server', { onStream: (stream) => void stream.resume() });
    const client = await startApp(here, 'client');
    const told = once(server, 'problem');
    const stream = await client.connect({ app: 'server' });
    stream.on('error', () => undefined).destroy(new Error('gone'));
    expect(String(await told)).toContain(`client at ${here.key}`);
  });

  it('resets a stream that its handler does not want', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', {
      onStream: () => Promise.reject(new Error('too many')),
    });
    const stream = await (await startApp(here, 'client')).connect({ app: 'server' });
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'reset', message: 'too many' });
  });
});

describe('a channel', () => {
  it('carries datagrams as they are, and ends with its reason', async () => {
    const [there, here] = await joinedNodes();
    const taken = new Queue<MeshChannel>();
    await startApp(there, 'server', { onChannel: (channel) => taken.push(channel) });
    const client = await startApp(here, 'client');
    const near = await client.connectChannel({ app: 'server' });
    const far = await taken.next();
    expect(near.remote).toEqual({ node: there.key, app: 'server' });
    expect(far.remote).toEqual({ node: here.key, app: 'client' });
    const messages = new Queue<string>();
    far.on('message', (payload) => messages.push(payload.toString('hex')));
    const sent = [Buffer.alloc(0), Buffer.from([1]), Buffer.alloc(near.maxBytes, 7)];
    near.send(sent);
    for (const payload of sent) expect(await messages.next()).toBe(payload.toString('hex'));
    expect(() => near.send([Buffer.alloc(near.maxBytes + 1)])).toThrow(RangeError);
    far.send([Buffer.from('back')]);
    expect(String(await once(near, 'message'))).toBe('back');
    const closed = once(near, 'close');
    far.close('that is all');
    expect(await closed).toEqual(['that is all']);
  });

  it('dies with the node of either end', async () => {
    const [there, here] = await joinedNodes();
    await startApp(there, 'server', { onChannel: (channel) => void channel });
    const near = await (await startApp(here, 'client')).connectChannel({ app: 'server' });
    const closed = once(near, 'close');
    await there.gateway.close();
    await closed;
  });
});

describe('showMesh', () => {
  it('asks the node what the manager knows', async () => {
    const [one, other] = await joinedNodes();
    expect(await showMesh(one.node, 'nodes')).toEqual([{ key: one.key }, { key: other.key }]);
    await expect(showMesh(one.node, 'links')).rejects.toThrow('the manager is gone');
    await expect(showMesh('/nowhere/node.sock', 'nodes')).rejects.toThrow('no node answers on');
  });
});
