import type { Host } from '../../scripts/lib/lab.ts';
import { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import type { Plan } from '../../scripts/lib/lab-mesh/plans.ts';

/** The host on the cable to this node, and the program in it. */
export function hostBefore(node: string): string {
  return `before-${node}`;
}

/**
 * Starts a mesh of which some cables are cut in two, with a host between them that routes.
 *
 * @param cables of the plan
 * @param take starts what that host does with packets
 */
export async function startWithHostsBetween(
  plan: Plan,
  cables: Plan['cables'],
  take: (mesh: Mesh, host: Host, first: string, second: string) => Promise<void>,
): Promise<Mesh> {
  const mesh = await Mesh.lay(plan, cables);
  try {
    for (const [first, second] of cables) await take(mesh, await lay(mesh, first, second), first, second);
    await mesh.startAll();
    await mesh.whole();
    return mesh;
  } catch (error) {
    const { log } = mesh;
    await mesh[Symbol.asyncDispose]();
    throw new Error(`the mesh did not come about\n${log}`, { cause: error });
  }
}

async function lay(mesh: Mesh, first: string, second: string): Promise<Host> {
  const name = hostBefore(second);
  const host = await mesh.addHost(name, first, second);
  await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv4.conf.all.rp_filter=0');
  for (const [from, to] of [
    [first, second],
    [second, first],
  ] as const)
    await mesh.host(from).run('ip', 'route', 'add', mesh.address(to, name), 'via', mesh.address(name, from));
  return host;
}
