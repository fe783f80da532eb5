import { expect, it } from 'vitest';
import { MANAGER, type Mesh } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../../scripts/lib/lab-mesh/plans.ts';
import { ownMesh } from '../../mesh/testing.ts';
import { call, listen, needTunnels, networkState } from './rig.ts';

const connected = /^connected to/;

/** A server at node c, whose host is the way to the host `outside`, and a client at a, two links away from it. */
async function startTunnel(mesh: Mesh, clientArgs: readonly string[] = []) {
  const outside = await mesh.addHost('outside', 'c');
  await listen(outside);
  const server = mesh.host('c');
  await server.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  const serverApp = mesh.run('c', 'server', [
    'services/vpn/server/main.ts',
    'vpnsrv0',
    mesh.node('c').socket,
  ]);
  await serverApp.line(/^serving/);
  const startClient = async () => {
    const words = ['vpncli0', mesh.node('a').socket, '8000', '--server', `${mesh.node('c').key}/vpnsrv0`];
    const app = mesh.run('a', 'client', ['services/vpn/client/main.ts', ...words, ...clientArgs]);
    await app.line(connected);
    return app;
  };
  return {
    startClient,
    outside: mesh.address('outside', 'c'),
    seen: `::ffff:${mesh.address('c', 'outside')}`,
  };
}

it('leads everything through the mesh but the mesh itself, and carries on when a node restarts', async (context) => {
  needTunnels(context);
  await using mesh = await ownMesh(context, line(3));
  const host = mesh.host('a');
  const before = await networkState(host);
  const { startClient, outside, seen } = await startTunnel(mesh);
  const client = await startClient();
  expect(await call(host, outside, 10_000_000)).toBe(seen);
  // The nodes of the mesh are no part of what goes through it.
  expect(await host.run('ip', 'rule')).toContain(`to ${mesh.address('b', 'a')} lookup main`);
  const printed = client.printed;
  await mesh.node('a').program.end('SIGKILL');
  await client.line(/^lost/, printed);
  await mesh.startNode('a');
  await client.line(connected, printed);
  expect(await call(host, outside, 1_000_000)).toBe(seen);
  await client.end('SIGTERM');
  expect(await networkState(host)).toEqual(before);
});

it('lets nothing out under the kill switch when client and node are killed, and mends when both are back', async (context) => {
  needTunnels(context);
  await using mesh = await ownMesh(context, line(3));
  const host = mesh.host('a');
  const before = await networkState(host);
  const manager = mesh.address(MANAGER, 'a');
  await listen(mesh.host(MANAGER));
  await listen(mesh.host('b'));
  const { startClient, outside, seen } = await startTunnel(mesh, ['--kill-switch', '--exclude', manager]);
  const client = await startClient();
  expect(await call(host, outside)).toBe(seen);
  await client.end('SIGKILL');
  await mesh.node('a').program.end('SIGKILL');
  expect(await call(host, outside)).toMatch(/^E/);
  // By addresses that the mesh uses it can come back.
  expect(await call(host, manager)).toBe(`::ffff:${mesh.address('a', MANAGER)}`);
  await mesh.startNode('a');
  const again = await startClient();
  expect(await call(host, outside)).toBe(seen);
  await again.end('SIGTERM');
  expect(await networkState(host)).toEqual(before);
});
