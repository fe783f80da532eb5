import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ImageArtefacts } from '../image/build.ts';
import { runQemu } from '../image/qemu/index.ts';
import { UsageError } from '../services/program/usage.ts';
import { build } from './build.ts';
import { MAX_BOARDS } from './emulated-rack/plan.ts';
import { runEmulatedRack } from './emulated-rack/run.ts';
import { confirm, describeNeeds, findNeeds, obstacle } from './host/needs.ts';
import { installPackages, planInstall } from './host/packages.ts';
import { buildBoardImage, out } from './lib/board-image.ts';
import { abortOnSignals, root, runProgram, stepsOf } from './lib/program.ts';
import { runLocalMesh } from './local-mesh/run.ts';
import { MAX_NODES } from './local-mesh/topology.ts';

const usage = `Usage: ./scripts/run [-y] [--local [--nodes N] | --rack [--boards N] [--megabytes N]]

Builds the image of an emulated board, boots it in QEMU and attaches this terminal to
its serial console. Ctrl-] leaves and shuts the board down. An input that is no terminal
is typed on the console line by line, then the board is shut down.

  -y, --yes      do not ask
  --local        no image: viscript on this machine, with the apps of ./config.yaml
  --nodes N      with --local: a mesh of N nodes (2 to ${MAX_NODES}) on this machine, SOCKS at both
                 ends; shows links, routes and throughput until q or Ctrl-C
  --rack         boards joined in the mesh, and a download that runs through them: a board's
                 number pulls its plug or puts it back, q ends it
  --boards N     with --rack: how many boards (default 3, at most ${MAX_BOARDS}; each takes 512 MB)
  --megabytes N  with --rack: size of the download (default 128)
  -h, --help     print this text
`;

const BOARD = 'qemu-aarch64';
/** The bundle of the runtime. */
const bundle = join(root, 'dist');
/** Of a download through the rack: less than emulated boards carry, so that it takes as long as it is large. */
const BYTES_PER_SECOND = 1_000_000;
const steps = stepsOf('run');

await runProgram('run', async () => {
  const { values } = parseArgs({
    options: {
      yes: { type: 'boolean', short: 'y', default: false },
      local: { type: 'boolean', default: false },
      nodes: { type: 'string' },
      rack: { type: 'boolean', default: false },
      boards: { type: 'string' },
      megabytes: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const { local, rack, yes } = values;
  const numbers = {
    nodes: numberOf('nodes', values.nodes, local, 2, MAX_NODES),
    boards: numberOf('boards', values.boards, rack, 1, MAX_BOARDS),
    megabytes: numberOf('megabytes', values.megabytes, rack, 1, 100_000),
  };
  if (local && rack) throw new UsageError('--local and --rack exclude each other');
  if (rack) return await runRack(yes, numbers.boards ?? 3, numbers.megabytes ?? 128);
  if (numbers.nodes !== undefined) return await runMesh(numbers.nodes);
  return local ? await runLocal() : await runBoard(yes);
});

/** An option that needs another one, as a whole number. */
function numberOf(
  option: string,
  text: string | undefined,
  allowed: boolean,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  if (!allowed) throw new UsageError(`--${option} goes with --${option === 'nodes' ? 'local' : 'rack'}`);
  const number = Number(text);
  if (/^\d{1,6}$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`--${option} takes a whole number from ${least} to ${most}`);
}

async function runLocal(): Promise<number> {
  await bundleRuntime();
  const viscript = spawn(process.execPath, [join(bundle, 'viscript.js')], { stdio: 'inherit' });
  // Ctrl-C reaches viscript too, which decides what it means.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => viscript.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    viscript.once('error', reject);
    viscript.once('exit', (status) => resolve(status ?? 1));
  });
}

async function runMesh(nodes: number): Promise<number> {
  await bundleRuntime();
  const streams = { input: process.stdin, output: process.stdout, signal: abortOnSignals() };
  await runLocalMesh({ bundle, nodes, steps, ...streams });
  return 0;
}

async function runRack(yes: boolean, boards: number, megabytes: number): Promise<number> {
  const built = await imageFor(yes);
  if (built === undefined) return 1;
  await bundleRuntime();
  const { image, uBoot } = built;
  const whole = await runEmulatedRack({
    ...{ bundle, image, uBoot, boards, steps },
    ...{ bytes: megabytes * 1_000_000, bytesPerSecond: BYTES_PER_SECOND },
    ...{ input: process.stdin, output: process.stdout, signal: abortOnSignals() },
  });
  return whole === false ? 1 : 0;
}

async function bundleRuntime(): Promise<void> {
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () => build());
}

async function runBoard(yes: boolean): Promise<number> {
  const built = await imageFor(yes);
  if (built === undefined) return 1;
  const { image, uBoot } = built;
  const authorizedKeys = await publicKey();
  await runQemu({
    ...{ image, uBoot, steps, input: process.stdin, output: process.stdout, signal: abortOnSignals() },
    ...(authorizedKeys === undefined ? {} : { authorizedKeys }),
  });
  return 0;
}

/** Builds the image, once its costs were agreed to. @returns undefined when they were not, or cannot be met */
async function imageFor(yes: boolean): Promise<ImageArtefacts | undefined> {
  const plan = await planInstall(['image', 'qemu']);
  const needs = await findNeeds(plan, join(out, BOARD, 'skyminer.img'), root);
  const reuses = plan.missing.length === 0 && needs.built;
  if (!reuses) process.stdout.write(describeNeeds(needs));
  const refusal = obstacle(needs);
  if (refusal !== undefined) {
    process.stderr.write(`run: ${refusal}\n`);
    return undefined;
  }
  const ask = !reuses && !yes && process.stdin.isTTY && process.stdout.isTTY;
  if (ask && !(await confirm('Go on?'))) return undefined;

  await installPackages(plan, steps);
  return buildBoardImage({ board: BOARD, source: 'debian', steps });
}

/** This user's SSH key, so that the board also answers to ssh. */
async function publicKey(): Promise<string | undefined> {
  const folder = join(homedir(), '.ssh');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const key = names.filter((name) => /^id_\w+\.pub$/.test(name)).sort()[0];
  return key === undefined ? undefined : join(folder, key);
}
