import { describe, expect, it } from 'vitest';
import type { Host } from '../../../scripts/lib/lab.ts';
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
