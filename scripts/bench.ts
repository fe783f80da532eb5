import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { showSteps } from '../image/steps.ts';
import { build } from './build.ts';
import { installPackages, planInstall } from './host/packages.ts';
import { buildBoardImage } from './lib/board-image.ts';
import { root, runProgram } from './lib/program.ts';
import { measureApp } from './measure/app.ts';
import { Births } from './measure/births.ts';
import { measureBoard } from './measure/board.ts';
import { measureBuilds } from './measure/builds.ts';
import { measureFailover } from './measure/failover.ts';
import { measureFlash } from './measure/flash.ts';
import { installPm2, Pm2 } from './measure/pm2.ts';
import { measureRelay } from './measure/relay/relay.ts';
import { routingRows } from './measure/routing.ts';
import { isMet, markdownTable, type Row } from './measure/row.ts';
import { measureSocks } from './measure/socks.ts';
import { measureSocksBetween } from './measure/socks-between.ts';
import { IDLE_APPS, PROBE } from './measure/supervisor.ts';
import { Supervisord } from './measure/supervisord.ts';
import { measureSupervisors } from './measure/supervisors.ts';
import { timelinePicture } from './measure/timeline/picture.ts';
import { measureTimeline, middleRun, stallRows } from './measure/timeline/timeline.ts';
import { measureUpdate } from './measure/update.ts';
import { Viscript } from './measure/viscript.ts';
import { measureVpn } from './measure/vpn.ts';

const usage = `Usage: ./scripts/bench [--no-image] [--only PART] [--rounds N] [--output FILE] [--picture FILE]

Measures Skyminer beside its peers, in turns, and prints a Markdown table: medians, ratios, and whether
what must be reached and what is aimed at was reached. Takes an hour, forty minutes without the image.
The parts mesh, failover, timeline, vpn and flash need root.
Only ratios mean something on a machine that does other things too.

  --no-image      leave out building and booting images
  --only PART     measure one part alone: viscript, mesh, failover, timeline, vpn, image, flash or update
  --rounds N      rounds in which everything is measured once (default and least 7)
  --output FILE   write the table into a file too
  --picture FILE  where to draw the run in the middle of the part timeline (default out/bench/cuts.svg)
  -h, --help      print this text
`;

const LEAST_ROUNDS = 7;
/** A boot takes a minute, and nothing stands beside it that it could be compared with. */
const BOARD_ROUNDS = 3;
/** Parts that need an image. */
const OF_IMAGES = ['image', 'flash', 'update'];
/** Of the part timeline: each takes two minutes. */
const CUT_RUNS = 5;
const out = join(root, 'out/bench');
const steps = showSteps({ logs: join(root, 'out/logs/bench'), output: process.stderr });

/** What can be measured by itself. */
const parts: Record<string, (rounds: number, picture: string) => Promise<Row[]>> = {
  viscript: measureRuntime,
  mesh: measureMesh,
  failover: measureFailovers,
  timeline: measureCuts,
  vpn: measureVpns,
  image: measureImage,
  flash: measureFlashing,
  update: measureUpdates,
};

await runProgram('bench', async () => {
  const { values } = parseArgs({
    options: {
      'no-image': { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string', default: String(LEAST_ROUNDS) },
      output: { type: 'string' },
      picture: { type: 'string', default: join(out, 'cuts.svg') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < LEAST_ROUNDS) {
    process.stderr.write(`bench: --rounds must be a whole number of at least ${LEAST_ROUNDS}\n`);
    return 2;
  }
  const { only } = values;
  if (only !== undefined && !Object.hasOwn(parts, only)) {
    process.stderr.write(`bench: --only takes ${Object.keys(parts).join(', ')}\n`);
    return 2;
  }
  const chosen = Object.entries(parts).filter(
    ([name]) => only === name || (only === undefined && !(OF_IMAGES.includes(name) && values['no-image'])),
  );
  const isImage = chosen.some(([name]) => OF_IMAGES.includes(name));
  const purposes = isImage ? (['image', 'qemu', 'bundle'] as const) : [];
  await installPackages(await planInstall(['bench', ...purposes]), steps);
  // What is measured starts as it does for somebody who has not come by way of our scripts.
  delete process.env.NODE_COMPILE_CACHE;
  const rows: Row[] = [];
  for (const [, measure] of chosen) rows.push(...(await measure(rounds, values.picture)));
  const report = `${machine()}\n\n${markdownTable(rows)}`;
  process.stdout.write(report);
  if (values.output !== undefined) await writeFile(values.output, report);
  return rows.every((row) => row.must === undefined || isMet(row, row.must)) ? 0 : 1;
});

function measureRuntime(rounds: number): Promise<Row[]> {
  return withBundle(async (bundle, folder) => {
    const remedy = 'Check that the npm registry can be reached.';
    const pm2 = await steps.step('Install PM2', remedy, (step) => installPm2(join(out, 'pm2'), step.log));
    const supervisors = await steps.step('Measure supervisors', 'See the log.', async (step) => {
      using births = await Births.open(folder, [...IDLE_APPS, PROBE]);
      return await measureSupervisors({
        ours: new Viscript({
          program: join(bundle, 'viscript.js'),
          folder: join(folder, 'viscript'),
          births,
        }),
        pm2: new Pm2({ program: pm2, folder: join(folder, 'pm2'), births }),
        supervisord: new Supervisord({
          folder: join(folder, 'supervisord'),
          births,
          version: await Supervisord.versionHere(),
        }),
        ...{ births, rounds, progress: step.note },
      });
    });
    const app = await steps.step('Measure an app', 'See the log.', (step) =>
      measureApp({
        program: join(bundle, 'apps/apptracker.js'),
        args: ['127.0.0.1:0'],
        folder: join(folder, 'app'),
        ...{ rounds, progress: step.note },
      }),
    );
    return [...supervisors, ...app];
  });
}

function measureMesh(rounds: number): Promise<Row[]> {
  return withBundle(async (bundle, folder) => {
    const apps = join(bundle, 'apps');
    const socks = await steps.step('Measure SOCKS', 'See the log.', (step) =>
      measureSocks({ apps, folder, rounds, progress: step.note }),
    );
    const between = await steps.step('Measure SOCKS between hosts', 'See the log.', (step) =>
      measureSocksBetween({ apps, folder: join(folder, 'between'), rounds, progress: step.note }),
    );
    const relay = await steps.step('Measure a relay', 'See the log.', (step) =>
      measureRelay({
        apps: join(bundle, 'apps'),
        folder: join(folder, 'relay'),
        rounds,
        progress: step.note,
      }),
    );
    const routes = await steps.step('Measure routes', 'See the log.', async (step) =>
      routingRows(rounds, step.note),
    );
    return [...socks, ...between, ...relay, ...routes];
  });
}

function measureCuts(_rounds: number, picture: string): Promise<Row[]> {
  return withBundle((bundle, folder) =>
    steps.step('Cut the ways of downloads', 'See the log.', async (step) => {
      const apps = join(bundle, 'apps');
      const lines = await measureTimeline({ apps, folder, runs: CUT_RUNS, progress: step.note });
      await writeFile(picture, timelinePicture(middleRun(lines)));
      return stallRows(lines);
    }),
  );
}

function measureVpns(rounds: number): Promise<Row[]> {
  return withBundle((bundle, folder) =>
    steps.step('Measure VPNs', 'See the log.', (step) =>
      measureVpn({ apps: join(bundle, 'apps'), folder, rounds, progress: step.note }),
    ),
  );
}

/** @param work gets the folder of the bundled runtime, and one for what it writes */
async function withBundle(work: (bundle: string, folder: string) => Promise<Row[]>): Promise<Row[]> {
  const bundle = join(out, 'dist');
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () =>
    build({ out: bundle }),
  );
  // Not below the repository, whose path may be too long for a socket.
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-bench-'));
  try {
    return await work(bundle, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measureFailovers(rounds: number): Promise<Row[]> {
  return await steps.step('Measure failover', 'See the log.', (step) =>
    measureFailover({ rounds, progress: step.note }),
  );
}

async function measureImage(rounds: number): Promise<Row[]> {
  const builds = await measureBuilds({ folder: join(out, 'image'), changes: BOARD_ROUNDS, steps });
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-bench-'));
  try {
    const { image, uBoot } = builds.artefacts;
    const board = await steps.step('Measure boards', 'See the log.', (step) =>
      measureBoard({ image, uBoot, folder, boots: BOARD_ROUNDS, rounds, progress: step.note }),
    );
    return [...board, ...builds.rows];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measureFlashing(rounds: number): Promise<Row[]> {
  const { image } = await buildBoardImage({
    ...{ board: 'qemu-aarch64', source: 'debian', refresh: false, release: false, steps },
  });
  // Not in memory: the card is a file on this disk.
  await mkdir(out, { recursive: true });
  const folder = await mkdtemp(join(out, 'flash-'));
  try {
    return await steps.step('Measure flashing', 'See the log.', (step) =>
      measureFlash({ image, folder, rounds, progress: step.note }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measureUpdates(rounds: number): Promise<Row[]> {
  const { image, uBoot } = await buildBoardImage({
    ...{ board: 'qemu-aarch64', source: 'debian', refresh: false, release: false, steps },
  });
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-bench-'));
  try {
    return await steps.step('Measure updates', 'See the log.', (step) =>
      measureUpdate({ image, uBoot, folder, rounds, progress: step.note }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What figures were measured on, and when. */
function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const day = new Date().toISOString().slice(0, 10);
  return `Measured on ${day}: ${cpus().length} × ${cpu?.model ?? 'CPU'}, ${memory} GiB of memory, Node.js ${process.version}.`;
}
