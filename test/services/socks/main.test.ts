import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { urlOfSocket } from '../../../services/signal/index.ts';
import { joinedNodes } from '../node/apps/joined.ts';
import { scratchFolder, startServer, untilReady } from '../signal/support.ts';
import { launch } from './launch.ts';
import { all, ask, connectTo, echo, startTarget } from './support.ts';

/** Both apps at two nodes that are joined; programs connect to `port`. */
async function startApps(serverArgs: readonly string[] = ['--allow', '127.0.0.0/8'], overTcp = false) {
  const [here, there] = await joinedNodes({ overTcp });
  const server = launch('server', ['sockssrv0', there.node, '8001', ...serverArgs]);
  await server.line(/^serving/);
  const client = launch('client', ['sockscli0', here.node, '0', '--server', `${there.key}/sockssrv0`]);
  const port = portIn(await client.line(/^listening on/));
  return { here, there, server, client, port };
}

/** Resolves when nobody listens any more. */
async function untilClosed(port: number): Promise<void> {
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    const connected = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    return connected;
  };
  while (await open());
}

function portIn(line: string): number {
  return Number(/:(\d+)/.exec(line)?.[1]);
}

describe('the two apps', () => {
  it.each([false, true])('carry streams between their nodes (over TCP to the node: %s)', async (overTcp) => {
    const target = await startTarget(echo);
    const { port } = await startApps(undefined, overTcp);
    const { socket, code } = await ask(port, { host: '127.0.0.1', port: target.port });
    expect(code).toBe(0);
    const sent = Buffer.alloc(16 * 1024 * 1024, 'skyminer');
    socket.end(sent);
    expect((await all(socket)).equals(sent)).toBe(true);
  });

  it('keep a stream broken that was broken', async () => {
    const target = await startTarget((socket) => {
      socket.write('half', () => socket.once('data', () => socket.resetAndDestroy()));
    });
    const { port } = await startApps();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    await once(socket.resume(), 'data');
    socket.write('go on');
    expect(await once(socket, 'close').catch((error) => error)).toMatchObject({ code: 'ECONNRESET' });
  });

  it('tell the program why not', async () => {
    const { port, server } = await startApps([]);
    expect(await ask(port, { host: '127.0.0.1', port: 1 })).toMatchObject({ code: 2 });
    server.child.kill('SIGKILL');
    await server.exited;
    expect(await ask(port, { host: '127.0.0.1', port: 1 })).toMatchObject({ code: 1 });
  });

  it('serve again when the server was started again', async () => {
    const target = await startTarget(echo);
    const { port, server, there } = await startApps();
    server.child.kill('SIGKILL');
    await server.exited;
    const again = launch('server', ['sockssrv0', there.node, '--allow', '127.0.0.0/8']);
    await again.line(/^serving/);
    expect(await ask(port, { host: '127.0.0.1', port: target.port })).toMatchObject({ code: 0 });
  });

  it('refuse a client that is not on the list', async () => {
    const { port, server } = await startApps(['--accept', 'ab'.repeat(32)]);
    expect(server.output()).toContain('serving 1 keys as sockssrv0');
    expect(await ask(port, { host: '127.0.0.1', port: 1 })).toMatchObject({ code: 2 });
  });

  it('break off what is open when a signal ends them', async () => {
    const target = await startTarget(echo);
    const { port, client } = await startApps();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    const broken = once(socket.resume(), 'close').catch((error: unknown) => error);
    client.child.kill('SIGTERM');
    expect(await client.exited).toEqual({ code: 0, signal: null });
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('under viscript', () => {
  it('both say when they serve, are measured, and drain', async () => {
    const { path, session } = await startServer();
    const [here, there] = await joinedNodes();
    const signal = (id: number) => ({
      SIGNAL_URL: urlOfSocket(path),
      SIGNAL_CLIENT_ID: String(id),
      SIGNAL_TOKEN: `first-${id}`,
    });
    const server = launch('server', ['sockssrv0', there.node, '--allow', '127.0.0.0/8'], signal(1));
    const atServer = await session();
    await untilReady(atServer);
    const client = launch('client', ['sockscli0', here.node, '0'], signal(2));
    const atClient = await session();
    const [[status], [metrics]] = await Promise.all([
      once(atClient, 'status'),
      once(atClient, 'metrics'),
      untilReady(atClient),
    ]);
    expect(status).toMatch(/^listening on 127\.0\.0\.1:\d+, leaving at sockssrv0$/);
    expect(metrics).toEqual({ programs: 0, failed: 0, sent: 0, received: 0 });
    const target = await startTarget(echo);
    const port = portIn(String(status));
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    const stopped = atClient.shutdown(60_000);
    await untilClosed(port);
    socket.end('the last words');
    expect((await all(socket)).toString()).toBe('the last words');
    await stopped;
    expect(await client.exited).toEqual({ code: 0, signal: null });
    await atServer.shutdown(2_000);
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });
});

describe('the client', () => {
  it('listens on loopback, and warns when it is told to listen elsewhere', async () => {
    const [here] = await joinedNodes();
    const client = launch('client', ['sockscli0', here.node, '--listen', '0.0.0.0:0']);
    await client.line(/^warning: other machines reach 0\.0\.0\.0:\d+, and whoever does may use this proxy/);
    await client.line(/^listening on 0\.0\.0\.0:/);
    expect((await startApps()).client.output()).not.toContain('warning');
  });

  it('waits for its node, and ends while it waits when it is asked to', async () => {
    const socket = join(await scratchFolder(), 'node.sock');
    const client = launch('client', ['sockscli0', socket, '0', '--listen', '127.0.0.1:0']);
    await client.line(/no node answers on .*node\.sock/);
    client.child.kill('SIGTERM');
    expect(await client.exited).toEqual({ code: 0, signal: null });
  });

  it('fails with status 1 when its port is taken', async () => {
    const { port } = await startTarget(echo);
    const [here] = await joinedNodes();
    const client = launch('client', ['sockscli0', here.node, String(port)]);
    expect(await client.exited).toEqual({ code: 1, signal: null });
    expect(client.output()).toContain('EADDRINUSE');
  });

  it('takes passwords from a file that nobody else may read', async () => {
    const file = join(await scratchFolder(), 'users');
    await writeFile(file, 'ann:secret\n');
    await chmod(file, 0o644);
    const refused = launch('client', ['sockscli0', '/nowhere/node.sock', '0', '--users', file]);
    expect(await refused.exited).toEqual({ code: 1, signal: null });
    expect(refused.output()).toContain(`chmod 600 ${file}`);
    await chmod(file, 0o600);
    const [here] = await joinedNodes();
    const client = launch('client', ['sockscli0', here.node, '0', '--users', file]);
    const program = await connectTo(portIn(await client.line(/^listening/)));
    program.write(Buffer.from([5, 1, 0]));
    expect([...(await all(program))]).toEqual([5, 0xff]);
  });
});

describe('on the command line', () => {
  it.each([
    [[], /two or three arguments/],
    [['name'], /two or three arguments/],
    [['name', '1:1', '1', 'more'], /two or three arguments/],
    [['na me', '/node.sock'], /NAME/],
    [['name', 'nowhere'], /NODEADDR/],
    [['name', '/node.sock', '65536'], /PORT/],
    [['name', '/node.sock', '--nonsense'], /--nonsense/],
    [['name', '/node.sock', '--server', 'abc/app'], /--server/],
    [['name', '/node.sock', '--listen', 'here'], /--listen/],
  ] as const)('the client refuses %j with status 2', async (args, why) => {
    const client = launch('client', args);
    expect(await client.exited).toEqual({ code: 2, signal: null });
    expect(client.output()).toMatch(why);
    expect(client.output()).toContain('see --help');
  });

  it.each([
    [['name'], /two or three arguments/],
    [['name', '/node.sock', '--accept', 'everybody'], /--accept/],
    [['name', '/node.sock', '--allow', '10.0.0.1/8'], /--allow/],
    [['name', '/node.sock', '--deny', 'example.org'], /--deny/],
  ] as const)('the server refuses %j with status 2', async (args, why) => {
    const server = launch('server', args);
    expect(await server.exited).toEqual({ code: 2, signal: null });
    expect(server.output()).toMatch(why);
  });

  it.each(['client', 'server'] as const)('the %s explains itself', async (which) => {
    const app = launch(which, ['--help']);
    expect(await app.exited).toEqual({ code: 0, signal: null });
    expect(app.output()).toContain(`meshnet-socks-${which} NAME NODEADDR [PORT] [OPTIONS]`);
  });
});
