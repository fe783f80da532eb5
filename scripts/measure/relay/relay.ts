import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../lib/free-ports.ts';
import { planMesh } from '../../local-mesh/plan.ts';
import { cpuSeconds } from '../process.ts';
import { appCommand } from '../proxies/mesh.ts';
import { startPipe } from '../proxies/plain.ts';
import { pidOf, startProgram, stopProgram } from '../proxies/proxy.ts';
import type { Row } from '../row.ts';
import { EndProcess } from './end-process.ts';

export interface RelayOptions {
  /** Folder with the bundled apps. */
  apps: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

/** Bytes of one transfer; enough for a second. */
const BYTES = 512 * 1024 * 1024;
const bytes = String(BYTES);
const PIPE = 'a Node.js pipe';

/** A process between a source and a sink that are the same whatever is between them. */
interface Middle {
  pid: number;
  source: EndProcess;
}

/** What was measured of a middle, one value a round. */
interface Figures {
  /** MB/s. */
  speeds: number[];
  /** Seconds of the middle's processor time for 1 GB. */
  costs: number[];
}

/** What a node that only relays carries, and what that costs it, beside a pipe of Node.js. */
export async function measureRelay({ apps, folder, rounds, progress }: RelayOptions): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const middles = [
    { middle: await startRelay(apps, folder, stack), figures: noFigures() },
    { middle: await startPiping(stack), figures: noFigures() },
  ] as const;
  // In the first round everything is warmed up.
  for (let round = 0; round <= rounds; round++) {
    progress(`a relay alone: round ${round} of ${rounds}`);
    for (const { middle, figures } of middles) {
      const before = await cpuSeconds(middle.pid);
      const ms = await middle.source.transfer();
      const cost = (await cpuSeconds(middle.pid)) - before;
      if (round === 0) continue;
      figures.speeds.push(BYTES / 1e3 / ms);
      figures.costs.push((cost * 1e9) / BYTES);
    }
  }
  const [relay, pipe] = [middles[0].figures, middles[1].figures];
  return [
    {
      ...{ group: 'a relay alone', what: 'bulk', unit: 'MB/s', ours: relay.speeds },
      peers: { [PIPE]: pipe.speeds },
      must: { limit: 0.6, of: PIPE, atLeast: true },
      goal: { limit: 0.8, of: PIPE, atLeast: true },
    },
    {
      ...{ group: 'a relay alone', what: 'processor time for 1 GB', unit: 's', ours: relay.costs },
      peers: { [PIPE]: pipe.costs },
      goal: { limit: 1.3, of: PIPE },
    },
  ];
}

function noFigures(): Figures {
  return { speeds: [], costs: [] };
}

/** Our manager and our node, between two nodes that seal nothing from end to end. */
async function startRelay(apps: string, folder: string, stack: AsyncDisposableStack): Promise<Middle> {
  await mkdir(folder, { recursive: true });
  const { manager, nodes, membersFile, rack } = await planMesh(folder, 3);
  const [near, relay, far] = nodes;
  if (near === undefined || relay === undefined || far === undefined) throw new Error('three nodes are less');
  const managerAddress = `${manager.key}@${manager.address}`;
  const start = (app: string, ...args: string[]) => {
    const { file, leading } = appCommand(apps, app);
    const child = startProgram(file, [...leading, ...args, '--members', membersFile, '--rack', rack], {
      STATE_DIRECTORY: join(folder, app),
    });
    stack.defer(() => stopProgram(child));
    return child;
  };
  start('meshnet-nm', 'bench', manager.address, '-', '--key', manager.keyFile);
  const node = start(
    'meshnet-node',
    ...[relay.address, managerAddress, 'true', relay.socket, relay.name, '--key', relay.keyFile],
    ...relay.neighbours.flatMap((key) => ['--neighbour', key]),
  );
  await EndProcess.start(['sink', bytes, 'mesh', far.keyFile, relay.key, managerAddress], stack);
  const args = ['source', bytes, 'mesh', near.keyFile, relay.key, managerAddress, far.key];
  return { pid: pidOf(node), source: await EndProcess.start(args, stack) };
}

async function startPiping(stack: AsyncDisposableStack): Promise<Middle> {
  const [target = 0] = await freePorts(1);
  await EndProcess.start(['sink', bytes, 'tcp', String(target)], stack);
  const { port, pid } = await startPipe(target, stack);
  return { pid, source: await EndProcess.start(['source', bytes, 'tcp', String(port)], stack) };
}
