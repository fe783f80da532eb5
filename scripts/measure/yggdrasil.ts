import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../lib/lab.ts';
import { unpackedProgram } from '../lib/unpacked-package.ts';
import { timeCommand } from './process.ts';
import { startOn } from './proxies/proxy.ts';

/** Where a node takes links. */
const port = 7_000;

export interface YggdrasilOptions {
  /** Folder for its configuration. */
  folder: string;
  /** Addresses of hosts that it dials, and goes on dialling. */
  peers?: readonly string[];
  /** Name of its interface; without one it carries for others only. */
  device?: string;
}

/** Starts a yggdrasil node on a host of a lab, which speaks to none but its peers. @returns its IPv6 address */
export async function startYggdrasil(
  host: Host,
  { folder, peers = [], device = 'none' }: YggdrasilOptions,
): Promise<string> {
  // Its package starts a node on the machine itself.
  const { file } = await unpackedProgram('yggdrasil', '/usr/sbin/yggdrasil');
  await mkdir(folder, { recursive: true });
  const generated = await timeCommand({ file, args: ['-genconf', '-json'] });
  const config: object = JSON.parse(generated.stdout);
  const path = join(folder, `${host.name}.json`);
  await writeFile(
    path,
    JSON.stringify({
      ...config,
      Listen: [`tcp://0.0.0.0:${port}`],
      Peers: peers.map((address) => `tcp://${address}:${port}`),
      MulticastInterfaces: [],
      AdminListen: 'none',
      IfName: device,
    }),
    { mode: 0o600 },
  );
  const { stdout } = await timeCommand({ file, args: ['-useconffile', path, '-address'] });
  startOn(host, file, ['-useconffile', path]);
  return stdout.trim();
}
