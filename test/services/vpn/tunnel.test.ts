import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../../scripts/lib/lab.ts';
import { scratchFolder } from '../signal/support.ts';
import { call, launch, listen, needTunnels, startLab, startNodes, type VpnApp } from './rig.ts';

const joined = /joined as/;
const connected = /^connected to/;

/** A server and clients, each on a host of its own without any cable between them. */
async function startTunnels(clients: number, serverArgs: string[] = [], clientArgs: string[] = []) {
  const lab = startLab();
  const [serverNode, ...clientNodes] = await startNodes(clients + 1);
  const serverHost = await lab.host('server');
  const pools = ['--allowed-ips', '10.99.0.0/24, fd73:6b79:7769::/64'];
  const server = await launch(serverHost, 'server', [
    'vpnsrv0',
    serverNode?.node ?? '',
    ...pools,
    ...serverArgs,
  ]);
  await server.line(/^serving/);
  const ends: { host: Host; app: VpnApp; node: string }[] = [];
  for (const [at, { node }] of clientNodes.entries()) {
    const host = await lab.host(`client${at}`);
    const app = await launch(host, 'client', [`vpncli${at}`, node, '8000', ...clientArgs]);
    await app.line(connected);
    ends.push({ host, app, node });
  }
  return { lab, serverHost, server, clients: ends };
}

describe('a tunnel', () => {
  it('carries pings and streams of IPv4 and IPv6, as much as one likes', async (context) => {
    needTunnels(context);
    const { serverHost, clients } = await startTunnels(1);
    const [client] = clients;
    if (!client) return;
    for (const address of ['10.99.0.1', 'fd73:6b79:7769::1']) {
      expect(await client.host.run('ping', '-c', '3', '-i', '0.1', '-s', '1300', address)).toContain(
        '3 received',
      );
    }
    await listen(serverHost);
    expect(await call(client.host, '10.99.0.1', 20_000_000)).toBe('::ffff:10.99.0.2');
    expect(await call(client.host, 'fd73:6b79:7769::1', 20_000_000)).toBe('fd73:6b79:7769::2');
    await listen(client.host);
    expect(await call(serverHost, '10.99.0.2', 20_000_000)).toBe('::ffff:10.99.0.1');
  });

  it('carries IPv4 alone where a machine has no IPv6', async (context) => {
    needTunnels(context);
    const lab = startLab();
    const [serverNode, clientNode] = await startNodes(2);
    const [serverHost, clientHost] = [await lab.host('server'), await lab.host('client')];
    await clientHost.run(
      'sysctl',
      '-qw',
      'net.ipv6.conf.all.disable_ipv6=1',
      'net.ipv6.conf.default.disable_ipv6=1',
    );
    const pools = ['--allowed-ips', '10.99.0.0/24, ::/0'];
    await serverHost.run('sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1');
    const server = await launch(serverHost, 'server', ['vpnsrv0', serverNode?.node ?? '', ...pools]);
    await server.line(/^serving/);
    const client = await launch(clientHost, 'client', ['vpncli0', clientNode?.node ?? '']);
    await client.line(connected);
    expect(await clientHost.run('ping', '-c', '1', '10.99.0.1')).toContain('1 received');
    expect(await client.stop(), client.said()).toBe(0);
  });

  it('keeps clients apart, unless they are let together', async (context) => {
    needTunnels(context);
    for (const [args, expected] of [
      [[], 'silence'],
      [['--client-to-client'], '::ffff:10.99.0.2'],
    ] as const) {
      const { clients } = await startTunnels(2, [...args]);
      const [one, other] = clients;
      if (!one || !other) return;
      await listen(other.host);
      expect(await call(one.host, '10.99.0.3')).toBe(expected);
    }
  });

  it('takes from a client what it sends from its own addresses, and nothing else', async (context) => {
    needTunnels(context);
    const { server, clients } = await startTunnels(2);
    const [thief] = clients;
    if (!thief) return;
    await thief.host.run('ip', 'address', 'add', '10.99.0.3/32', 'dev', 'skywire0');
    await thief.host.run('ip', 'address', 'add', 'fd73:6b79:7769::3/128', 'dev', 'skywire0', 'nodad');
    const ping = (from: string, to: string) =>
      thief.host.run('ping', '-c', '1', '-W', '1', '-I', from, to).catch((error: Error) => error.message);
    expect(await ping('10.99.0.3', '10.99.0.1')).toContain('0 received');
    expect(await ping('fd73:6b79:7769::3', 'fd73:6b79:7769::1')).toContain('0 received');
    expect(await ping('10.99.0.2', '10.99.0.1')).toContain('1 received');
    await server.line(/sends packets from addresses that are not its own/);
  });

  it('gives a client the same addresses when it comes back, also to another run of the server', async (context) => {
    needTunnels(context);
    const { serverHost, server, clients } = await startTunnels(2);
    const [first, second] = clients;
    if (!first || !second) return;
    expect(second.app.said()).toContain('as 10.99.0.3 and fd73:6b79:7769::3');
    await first.app.stop();
    await second.app.stop();
    const again = await launch(second.host, 'client', ['vpncli1', second.node]);
    expect(await again.line(connected)).toContain('as 10.99.0.3 and');
    const args = server.child.spawnargs.slice(server.child.spawnargs.indexOf('vpnsrv0'));
    await server.kill();
    await again.line(/^lost/);
    const restarted = await launch(serverHost, 'server', args, { state: server.state });
    expect(await restarted.line(joined)).toContain('as 10.99.0.3 and');
    await again.line(connected);
    expect(await again.stop(), again.said()).toBe(0);
  });
});

/** A program in the place of `resolvectl`, which keeps what it is asked for; and what a client is started with to find it. */
async function recordingResolver(
  last: string,
): Promise<{ env: NodeJS.ProcessEnv; asked(): Promise<string[]> }> {
  const folder = await scratchFolder();
  const [program, record] = [join(folder, 'resolvectl'), join(folder, 'asked')];
  await writeFile(record, '');
  await writeFile(program, `#!/bin/sh\necho "$*" >> "$(dirname "$0")/asked"\n${last}\n`);
  await chmod(program, 0o755);
  return {
    env: { PATH: `${folder}:${process.env.PATH}`, STATE_DIRECTORY: folder },
    asked: async () => (await readFile(record, 'utf8')).split('\n').slice(0, -1),
  };
}

describe('servers of names', () => {
  async function startServer() {
    const lab = startLab();
    const [serverNode, clientNode] = await startNodes(2);
    const [serverHost, clientHost] = [await lab.host('server'), await lab.host('client')];
    await serverHost.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    const words = ['vpnsrv0', serverNode?.node ?? '', '--dns', '10.99.0.1, fd73:6b79:7769::1'];
    const server = await launch(serverHost, 'server', words);
    await server.line(/^serving/);
    return {
      startClient: (env: NodeJS.ProcessEnv, ...args: string[]) =>
        launch(clientHost, 'client', ['vpncli0', clientNode?.node ?? '', ...args], { env }),
      /** The server comes back with another offer. */
      async restart(...args: string[]) {
        await server.kill();
        const again = await launch(serverHost, 'server', [...words.slice(0, 2), ...args]);
        await again.line(/^serving/);
      },
    };
  }

  it('are given to systemd-resolved: for all names with a default route, else for the interface', async (context) => {
    needTunnels(context);
    const { startClient } = await startServer();
    const set = 'dns skywire0 10.99.0.1 fd73:6b79:7769::1';
    const everything = ['--exclude', '198.18.0.0/15'];
    const some = ['--allowed-ips', '10.99.0.0/24'];
    for (const [args, expected] of [
      [everything, [set, 'domain skywire0 ~.']],
      [some, [set]],
      [[...some, '--dns', '192.0.2.53'], ['dns skywire0 192.0.2.53']],
      [[...everything, '--dns', 'none'], []],
    ] as const) {
      const { env, asked } = await recordingResolver('exit 0');
      const client = await startClient(env, ...args);
      await client.line(connected);
      expect(await client.stop(), client.said()).toBe(0);
      expect(await asked(), client.said()).toEqual(expected);
    }
  });

  it('are taken back when the server has others, or none', async (context) => {
    needTunnels(context);
    const { startClient, restart } = await startServer();
    const { env, asked } = await recordingResolver('exit 0');
    const client = await startClient(env, '--allowed-ips', '10.99.0.0/24');
    await client.line(connected);
    await restart('--pool', '10.98.0.0/24');
    await client.line(/^connected to .* as 10\.98/);
    expect(await asked()).toEqual(['dns skywire0 10.99.0.1 fd73:6b79:7769::1', 'revert skywire0']);
    expect(await client.stop(), client.said()).toBe(0);
  });

  it('that cannot be given leave a tunnel that works, and are told of', async (context) => {
    needTunnels(context);
    const { startClient } = await startServer();
    const { env } = await recordingResolver('echo "Access denied" >&2; exit 1');
    const client = await startClient(env, '--allowed-ips', '10.99.0.0/24');
    await client.line(connected);
    expect(client.said()).toMatch(
      /the servers of names are not set: resolvectl dns skywire0 .*: Access denied/,
    );
    expect(await client.stop(), client.said()).toBe(0);
  });
});
