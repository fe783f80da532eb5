import { chown } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../../scripts/lib/lab.ts';
import { call, launch, listen, needTunnels, networkState, startLab, startNodes, type VpnApp } from './rig.ts';

const connected = /^connected to/;
const everything = ['--exclude', '198.51.100.0/24'];

/**
 * A client with a cable to a neighbour that its default route leads to, and a server with a cable to another host outside.
 * Nothing but the tunnel joins the two sides. The outside has the address 203.0.113.1 and 2001:db8::1, and so has the neighbour.
 */
async function startSides() {
  const lab = startLab();
  const [client, neighbour] = [await lab.host('client'), await lab.host('neighbour')];
  const [server, outside] = [await lab.host('server'), await lab.host('outside')];
  await lab.connect('client', 'neighbour');
  await lab.connect('server', 'outside');
  await leadOut(client, neighbour);
  await leadOut(server, outside);
  for (const host of [neighbour, outside]) {
    await host.run('ip', 'address', 'add', '203.0.113.1/32', 'dev', 'lo');
    await host.run('ip', 'address', 'add', '2001:db8::1/128', 'dev', 'lo', 'nodad');
    await listen(host);
  }
  await server.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  const [serverNode, clientNode] = await startNodes(2);
  return {
    ...{ client, neighbour, server, outside },
    clientNode: clientNode?.node ?? '',
    startServer: async (...args: string[]) => {
      const app = await launch(server, 'server', ['vpnsrv0', serverNode?.node ?? '', ...args]);
      await app.line(/^serving/);
      return app;
    },
    startClient: async (...args: string[]) => {
      const app = await launch(client, 'client', ['vpncli0', clientNode?.node ?? '', ...args]);
      await app.line(connected);
      return app;
    },
  };
}

/** Default routes to the host at the other end of the cable, and addresses of IPv6 on it. */
async function leadOut(host: Host, to: Host): Promise<void> {
  const [near, far] = [host.addresses.get(to.name) ?? '', to.addresses.get(host.name) ?? ''];
  const devices = [await deviceOf(host, near), await deviceOf(to, far)];
  await host.run(
    'ip',
    'address',
    'add',
    `2001:db8:${host.name === 'client' ? 1 : 2}::1/64`,
    'dev',
    devices[0] ?? '',
    'nodad',
  );
  await to.run(
    'ip',
    'address',
    'add',
    `2001:db8:${host.name === 'client' ? 1 : 2}::2/64`,
    'dev',
    devices[1] ?? '',
    'nodad',
  );
  await host.run('ip', 'route', 'add', 'default', 'via', far);
  await host.run(
    'ip',
    '-6',
    'route',
    'add',
    'default',
    'via',
    `2001:db8:${host.name === 'client' ? 1 : 2}::2`,
  );
}

async function deviceOf(host: Host, address: string): Promise<string> {
  const [line = ''] = (await host.run('ip', '-oneline', 'address', 'show', 'to', address)).split('\n');
  return line.split(/\s+/)[1] ?? '';
}

describe('everything through the tunnel', () => {
  it('goes out with the address of the server, and leaves no trace at either end', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    const before = [await networkState(sides.client), await networkState(sides.server)];
    const server = await sides.startServer();
    const client = await sides.startClient(...everything);
    const serverAddress = sides.server.addresses.get('outside');
    expect(await call(sides.client, '203.0.113.1', 5_000_000)).toBe(`::ffff:${serverAddress}`);
    expect(await call(sides.client, '2001:db8::1', 5_000_000)).toBe('2001:db8:2::1');
    const neighbour = sides.neighbour.addresses.get('client') ?? '';
    expect(await call(sides.client, neighbour)).toBe(`::ffff:${sides.client.addresses.get('neighbour')}`);
    expect([await client.stop(), await server.stop()]).toEqual([0, 0]);
    expect([await networkState(sides.client), await networkState(sides.server)]).toEqual(before);
    expect(await call(sides.client, '203.0.113.1')).toBe(`::ffff:${sides.client.addresses.get('neighbour')}`);
  });

  it('is tidied up by the next run after a run that was killed', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    const before = [await networkState(sides.client), await networkState(sides.server)];
    const apps = [await sides.startServer(), await sides.startClient(...everything)];
    for (const app of apps) await app.kill();
    expect(await networkState(sides.client)).not.toEqual(before[0]);
    const again = [
      await sides.startServer(),
      await sides.startClient(...everything, '--interface', 'other0'),
    ];
    expect(await call(sides.client, '203.0.113.1')).toBe(`::ffff:${sides.server.addresses.get('outside')}`);
    for (const app of again) expect(await app.stop(), app.said()).toBe(0);
    expect([await networkState(sides.client), await networkState(sides.server)]).toEqual(before);
  });

  it('is limited to what the server offers, whatever the client asks for', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    await sides.startServer('--allowed-ips', '198.18.0.0/15');
    await sides.startClient('--allowed-ips', '203.0.113.0/24, 10.99.0.0/24');
    expect(await call(sides.client, '203.0.113.1')).toBe('silence');
    expect(await sides.client.run('ping', '-c', '1', '10.99.0.1')).toContain('1 received');
  });

  it('keeps the addresses of clients without NAT', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    await sides.startServer('--no-nat');
    await sides.startClient(...everything);
    const back = sides.server.addresses.get('outside') ?? '';
    await sides.outside.run('ip', 'route', 'add', '10.99.0.0/24', 'via', back);
    expect(await call(sides.client, '203.0.113.1')).toBe('::ffff:10.99.0.2');
  });
});

describe('the kill switch', () => {
  it('holds when the client is killed, is taken over by its next run, and opens when that one ends', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    const before = await networkState(sides.client);
    await sides.startServer();
    const arguments_ = [...everything, '--kill-switch'];
    const first = await sides.startClient(...arguments_);
    const throughTunnel = `::ffff:${sides.server.addresses.get('outside')}`;
    const neighbour = sides.neighbour.addresses.get('client') ?? '';
    expect(await call(sides.client, '203.0.113.1')).toBe(throughTunnel);
    expect(await call(sides.client, neighbour)).toMatch(/^E(ACCES|HOSTUNREACH|CONNREFUSED|PERM)$/);
    await first.kill();
    const blocked = /^E(ACCES|HOSTUNREACH|CONNREFUSED|PERM)$/;
    expect(await call(sides.client, '203.0.113.1')).toMatch(blocked);
    expect(await call(sides.client, '2001:db8::1')).toMatch(blocked);
    const second = await sides.startClient(...arguments_);
    expect(await call(sides.client, '203.0.113.1')).toBe(throughTunnel);
    expect(await second.stop(), second.said()).toBe(0);
    expect(await networkState(sides.client)).toEqual(before);
    expect(await call(sides.client, '203.0.113.1')).toBe(`::ffff:${sides.client.addresses.get('neighbour')}`);
  });

  it('lets the user of the node speak directly, and nobody else', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    // One of systemd's dynamic users, as a board's node has it.
    const user = 62_000;
    await chown(sides.clientNode, user, user);
    await sides.startServer();
    await sides.startClient('--kill-switch');
    const asNode = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
    const direct = `::ffff:${sides.client.addresses.get('neighbour')}`;
    expect(await call(sides.client, '203.0.113.1', 1_000, asNode)).toBe(direct);
    expect(await call(sides.client, '203.0.113.1')).toBe(`::ffff:${sides.server.addresses.get('outside')}`);
  });

  it('holds while the server is away, and lets excluded networks be reached', async (context) => {
    needTunnels(context);
    const sides = await startSides();
    const server: VpnApp = await sides.startServer();
    const client = await sides.startClient('--exclude', '198.18.0.0/15', '--kill-switch');
    await server.kill();
    await client.line(/^lost/);
    // The interface stays, and its routes: nothing looks for another way.
    expect(await call(sides.client, '203.0.113.1')).toBe('silence');
    const neighbour = sides.neighbour.addresses.get('client') ?? '';
    expect(await call(sides.client, neighbour)).toBe(`::ffff:${sides.client.addresses.get('neighbour')}`);
    await sides.startServer();
    await client.line(connected);
    expect(await call(sides.client, '203.0.113.1')).toBe(`::ffff:${sides.server.addresses.get('outside')}`);
  });
});
