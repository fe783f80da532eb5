import { Mesh } from '../lib/lab-mesh/mesh.ts';
import { twoWays } from '../lib/lab-mesh/plans.ts';
import { Transfer } from '../lib/lab-mesh/transfer.ts';
import { eventually } from '../lib/lab-mesh/wait.ts';
import { type Bound, markdownTable, type Row } from './row.ts';

export interface FailoverOptions {
  rounds: number;
  /** Told what is done now. */
  progress?: (text: string) => void;
}

/** Something that befalls the relay by which a transfer goes. */
interface Fault {
  what: string;
  must: Bound;
  goal: Bound;
  begin(mesh: Mesh, relay: string): Promise<void>;
  end(mesh: Mesh, relay: string): Promise<void>;
}

const closed = { must: { limit: 300 }, goal: { limit: 100 } };
const silent = { must: { limit: 2_000 }, goal: { limit: 1_000 } };

const faults: readonly Fault[] = [
  {
    what: 'link closed (relay killed)',
    ...closed,
    begin: (mesh, relay) => mesh.node(relay).program.end(),
    end: async (mesh, relay) => void (await mesh.startNode(relay)),
  },
  {
    what: 'black hole after the relay',
    ...silent,
    begin: (mesh, relay) => mesh.lab.blackHole(relay, 'sink'),
    end: (mesh, relay) => mesh.lab.unblock(relay, 'sink'),
  },
  {
    what: 'black hole before the relay',
    ...silent,
    begin: (mesh, relay) => mesh.lab.blackHole('source', relay),
    end: (mesh, relay) => mesh.lab.unblock('source', relay),
  },
  {
    what: 'relay stands still',
    ...silent,
    begin: async (mesh, relay) => mesh.node(relay).program.signal('SIGSTOP'),
    end: async (mesh, relay) => mesh.node(relay).program.signal('SIGCONT'),
  },
  {
    what: 'cable pulled out',
    ...silent,
    begin: (mesh, relay) => mesh.lab.cut(relay, 'sink'),
    end: (mesh, relay) => mesh.lab.mend(relay, 'sink'),
  },
];

/**
 * How long nothing comes when the way of a transfer at full rate breaks and another one is warm: milliseconds at the
 * receiver, the median and the longest of all rounds. Needs root.
 */
export async function measureFailover({ rounds, progress }: FailoverOptions): Promise<Row[]> {
  await using mesh = await Mesh.start(twoWays(1));
  const transfer = await Transfer.start(mesh, { from: 'source', to: 'sink' });
  const gaps = new Map(faults.map((fault) => [fault, [] as number[]]));
  for (let round = 1; round <= rounds; round++)
    for (const fault of faults) {
      const gap = await gapOf(fault, mesh, transfer);
      gaps.get(fault)?.push(gap);
      progress?.(`${fault.what}: ${gap.toFixed(0)} ms (${round} of ${rounds})`);
    }
  await transfer.end();
  return Array.from(gaps, ([{ what, must, goal }, ours]): Row[] => {
    const row = { group: 'failover', unit: 'ms' as const, peers: {} };
    return [
      { ...row, what: `gap, ${what}`, ours, must, goal },
      { ...row, what: `gap, ${what}, longest`, ours: [Math.max(...ours)] },
    ];
  }).flat();
}

/** Leaves the mesh whole. */
async function gapOf(fault: Fault, mesh: Mesh, transfer: Transfer): Promise<number> {
  const relay = await transfer.way();
  const ends = ['source', 'sink'].map((name) => mesh.node(name).program);
  const printed = ends.map((program) => program.printed);
  await transfer.longestGap();
  await fault.begin(mesh, relay);
  await eventually('another way', async () => ((await transfer.way()) === relay ? undefined : true));
  const gap = await transfer.longestGap();
  // An end has noticed before the relay is back, so that what comes next finds new links.
  await Promise.any(
    ends.map((program, at) => program.line(new RegExp(`^no link with ${relay} any more`), printed[at])),
  );
  await fault.end(mesh, relay);
  await mesh.whole();
  await mesh.routes(2);
  await transfer.advances();
  return gap;
}

if (import.meta.main) {
  const rounds = Number(process.argv[2] ?? 7);
  const rows = await measureFailover({ rounds, progress: (text) => console.error(text) });
  console.log(markdownTable(rows));
}
