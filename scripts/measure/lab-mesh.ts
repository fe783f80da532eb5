import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PublicKey } from '../../services/net/keys.ts';
import type { Host, Lab } from '../lib/lab.ts';
import { planMesh } from '../local-mesh/plan.ts';
import { appCommand } from './proxies/mesh.ts';
import { startOn } from './proxies/proxy.ts';

/** A node on a host of a lab. */
export interface LabNode {
  host: Host;
  key: PublicKey;
  /** Unix socket for its apps; every host reaches it. */
  socket: string;
  /** Starts a bundled app on the same host. */
  start(app: string, ...args: string[]): void;
}

const MANAGER = 'manager';
const managerPort = 7_001;
const nodePort = 7_000;

/**
 * Our bundled nodes on hosts of a lab, each with links over all cables that its host has. The manager is on a host of its
 * own, with a cable to each of the others that carries nothing but what nodes tell it and it tells them.
 */
export async function startLabMesh(
  lab: Lab,
  hosts: readonly Host[],
  apps: string,
  folder: string,
): Promise<LabNode[]> {
  await mkdir(folder, { recursive: true });
  const mesh = await planMesh(folder, hosts.length);
  const rack = ['--members', mesh.membersFile, '--rack', mesh.rack];
  const start = (host: Host, app: string, args: readonly string[]) => {
    const { file, leading } = appCommand(apps, app);
    return startOn(host, file, [...leading, ...args], {
      STATE_DIRECTORY: join(folder, `${host.name}-${app}`),
    });
  };
  const managerHost = await lab.host(MANAGER);
  const listening = hosts.map(({ addresses }) =>
    [...addresses.values()].map((each) => `${each}:${nodePort}`),
  );
  for (const { name } of hosts) await lab.connect(name, MANAGER);
  const { manager } = mesh;
  start(managerHost, 'meshnet-nm', [
    ...['bench', `0.0.0.0:${managerPort}`, '-', '--key', manager.keyFile],
    ...rack,
  ]);
  return mesh.nodes.map(({ key, keyFile, socket }, at) => {
    const [host, [first = '-', ...others] = []] = [hosts[at], listening[at]];
    if (host === undefined) throw new Error('there are more nodes than hosts');
    const managerAddress = `${manager.key}@${managerHost.addresses.get(host.name)}:${managerPort}`;
    start(host, 'meshnet-node', [
      ...[first, managerAddress, 'true', socket, host.name, '--key', keyFile, ...rack],
      ...others.flatMap((address) => ['--address', address]),
    ]);
    return { host, key, socket, start: (app, ...args) => start(host, app, args) };
  });
}
