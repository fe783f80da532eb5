import { join } from 'node:path';
import { Mesh, nodePort, root } from './mesh.ts';
import type { Plan } from './plans.ts';

const tapPort = 7_002;

/** The host, and the program in it, on the cable to this node. */
export function tapOn(node: string): string {
  return `tap-${node}`;
}

/**
 * Starts a mesh of which some cables lead through hosts that can change what their two nodes say to each other, by a
 * program that `test/fixtures/mesh-tap.ts` tells how to command.
 *
 * @param cables of the plan; what goes from the first node to the second can be changed
 */
export async function startTapped(plan: Plan, cables: Plan['cables']): Promise<Mesh> {
  const mesh = await Mesh.lay(plan, cables);
  try {
    for (const cable of cables) await layTap(mesh, ...cable);
    await mesh.startAll();
    await mesh.whole();
    return mesh;
  } catch (error) {
    const { log } = mesh;
    await mesh[Symbol.asyncDispose]();
    throw new Error(`the mesh did not come about\n${log}`, { cause: error });
  }
}

/** Routes what two nodes say to each other to a program in a host between them. */
async function layTap(mesh: Mesh, first: string, second: string): Promise<void> {
  const tap = tapOn(second);
  const host = await mesh.addHost(tap, first, second);
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const)
    await mesh.host(from).run('ip', 'route', 'add', mesh.address(to, tap), 'via', mesh.address(tap, from));
  await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  await host.run('nft', 'add', 'table', 'ip', 'tap');
  await host.run('nft', 'add chain ip tap in { type nat hook prerouting priority dstnat; }');
  for (const protocol of ['tcp', 'udp'])
    await host.run('nft', `add rule ip tap in ${protocol} dport ${nodePort} redirect to :${tapPort}`);
  const ends = [mesh.address(first, tap), mesh.address(second, tap)];
  const program = join(root, 'test/fixtures/mesh-tap.ts');
  await mesh.run(tap, tap, [program, String(tapPort), String(nodePort), ...ends]).line(/^tapped$/);
}
