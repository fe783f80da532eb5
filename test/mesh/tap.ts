import { join } from 'node:path';
import { type Mesh, nodePort } from '../../scripts/lib/lab-mesh/mesh.ts';
import type { Plan } from '../../scripts/lib/lab-mesh/plans.ts';
import { root } from '../../scripts/lib/program.ts';
import { hostBefore, startWithHostsBetween } from './between.ts';

const tapPort = 7_002;

/**
 * Starts a mesh of which some cables lead through hosts that can change what their two nodes say to each other: by a
 * program there, see `test/fixtures/mesh-tap.ts`.
 *
 * @param cables of the plan; what goes from the first node to the second can be changed
 */
export function startTapped(plan: Plan, cables: Plan['cables']): Promise<Mesh> {
  return startWithHostsBetween(plan, cables, async (mesh, host, first, second) => {
    await host.run('nft', 'add', 'table', 'ip', 'tap');
    await host.run('nft', 'add chain ip tap in { type nat hook prerouting priority dstnat; }');
    for (const protocol of ['tcp', 'udp'])
      await host.run('nft', `add rule ip tap in ${protocol} dport ${nodePort} redirect to :${tapPort}`);
    const name = hostBefore(second);
    const ends = [mesh.address(first, name), mesh.address(second, name)];
    const program = join(root, 'test/fixtures/mesh-tap.ts');
    await mesh.run(name, name, [program, String(tapPort), String(nodePort), ...ends]).line(/^tapped$/);
  });
}
