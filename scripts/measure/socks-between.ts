import { join } from 'node:path';
import { type Host, Lab } from '../lib/lab.ts';
import { downloadSpeed } from './download-speed.ts';
import { startLabMesh } from './lab-mesh.ts';
import { until } from './process.ts';
import { startOn } from './proxies/proxy.ts';
import type { Row } from './row.ts';
import { nebula } from './vpn/nebula.ts';
import { type CableOptions, startLongCable, startVpn, type Vpn } from './vpn/vpn.ts';
import { wireguardGo } from './vpn/wireguard.ts';
import { yggdrasil } from './vpn/yggdrasil.ts';
import { throughMeshSocks, throughSshSocks, type WayThrough } from './way-through.ts';

export interface SocksBetweenOptions {
  /** Folder with the bundled apps. */
  apps: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

/** A way from one host to a web server at another one, which runs. */
interface Running {
  name: string;
  near: Host;
  through: WayThrough;
}

interface Test {
  what: string;
  /** Bytes of one download. */
  bytes: number;
  /** Ours is the first. */
  running: readonly Running[];
}

const port = 8_000;
const longCable: CableOptions = { roundTripMs: 20, loss: 0.01 };

/**
 * SOCKS over our mesh between two hosts, each contestant on two of its own: beside tunnels, and on a long cable that loses
 * packets beside `ssh -D`. All programs are single, so what bounds each is one connection of its own. Needs root.
 */
export async function measureSocksBetween(options: SocksBetweenOptions): Promise<Row[]> {
  const { folder, rounds, progress } = options;
  await using stack = new AsyncDisposableStack();
  const ours = 'Skyminer';
  const tests: Test[] = [
    {
      what: 'bulk between two hosts',
      bytes: 128 * 1024 * 1024,
      running: [
        await startSocks(ours, undefined, meshSocks(options, 'mesh'), stack),
        await startTunnel(nebula, folder, stack),
        await startTunnel(wireguardGo, folder, stack),
        await startTunnel(yggdrasil, folder, stack),
      ],
    },
    {
      what: 'bulk between two hosts, 20 ms and 1 % loss',
      bytes: 3_000_000,
      running: [
        await startSocks(ours, longCable, meshSocks(options, 'mesh-long'), stack),
        await startSocks('ssh -D', longCable, sshSocks(join(folder, 'ssh-long')), stack),
      ],
    },
  ];
  const speeds = tests.map(({ running }) => new Map(running.map(({ name }) => [name, [] as number[]])));
  // In the first round everything is warmed up.
  for (let round = 0; round <= rounds; round++) {
    progress(`SOCKS between hosts: round ${round} of ${rounds}`);
    for (const [at, { running, bytes }] of tests.entries()) {
      for (const { name, near, through } of running) {
        const run = (file: string, ...args: string[]) => near.run(file, ...args);
        const speed = await downloadSpeed({ run, through, port, bytes });
        if (round > 0) speeds[at]?.get(name)?.push(speed);
      }
    }
  }
  return tests.map(({ what }, at): Row => {
    const { [ours]: own = [], ...peers } = Object.fromEntries(speeds[at] ?? []);
    return { group: 'SOCKS', what, unit: 'MB/s', ours: own, peers };
  });
}

type StartSocks = (lab: Lab, near: Host, far: Host) => Promise<WayThrough>;

/** @param cable undefined: as fast as the kernel passes packets on */
async function startSocks(
  name: string,
  cable: CableOptions | undefined,
  start: StartSocks,
  stack: AsyncDisposableStack,
): Promise<Running> {
  const lab = stack.use(new Lab());
  const [near, far] = [await lab.host('near'), await lab.host('far')];
  if (cable === undefined) {
    await lab.connect('near', 'far');
  } else {
    await lab.plug('near', 'far', await startLongCable(cable, stack));
    await useCubic(near, far);
    await useCubic(far, near);
  }
  return await serve({ name, near, through: await start(lab, near, far) }, far);
}

/** The congestion control that most systems have (RFC 9438), whatever this one has: where packets get lost it decides. */
async function useCubic(from: Host, to: Host): Promise<void> {
  const address = to.addresses.get(from.name) ?? '';
  await from.run('ip', 'route', 'add', address, 'dev', from.device(to.name), 'congctl', 'cubic');
}

function meshSocks({ apps, folder }: SocksBetweenOptions, name: string): StartSocks {
  return async (lab, near, far) => {
    const [client, server] = await startLabMesh(lab, [near, far], apps, join(folder, name));
    if (client === undefined || server === undefined) throw new Error('a host has no node');
    return throughMeshSocks(client, server);
  };
}

function sshSocks(folder: string): StartSocks {
  return (_lab, near, far) => throughSshSocks(near, far, far.addresses.get(near.name) ?? '', folder);
}

async function startTunnel(vpn: Vpn, folder: string, stack: AsyncDisposableStack): Promise<Running> {
  const { near, far, address } = await startVpn(vpn, undefined, join(folder, vpn.name), stack);
  const server = address.includes(':') ? `[${address}]` : address;
  return await serve({ name: vpn.name, near, through: { curl: [], server } }, far);
}

/** Starts the web server at the far host, and waits until something comes from it. */
async function serve(running: Running, far: Host): Promise<Running> {
  const { name, near, through } = running;
  startOn(far, process.execPath, [join(import.meta.dirname, 'blob.ts'), String(port), '::']);
  const run = (file: string, ...args: string[]) => near.run(file, ...args);
  await until(`a download by ${name}`, () => downloadSpeed({ run, through, port, bytes: 1_000 }));
  return running;
}
