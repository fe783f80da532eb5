import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runQemu } from '../image/qemu/index.ts';
import { build } from './build.ts';
import { confirm, describeNeeds, findNeeds, obstacle } from './host/needs.ts';
import { installPackages, planInstall } from './host/packages.ts';
import { buildBoardImage, out } from './lib/board-image.ts';
import { abortOnSignals, root, runProgram, stepsOf } from './lib/program.ts';
import { runLocalMesh } from './local-mesh/run.ts';
import { MAX_NODES } from './local-mesh/topology.ts';

const usage = `Usage: ./scripts/run [-y] [--local [--nodes NUMBER]]

Builds the image of an emulated board, boots it in QEMU and attaches this terminal to
its serial console. Ctrl-] leaves and shuts the board down. An input that is no terminal
is typed on the console line by line, then the board is shut down.

  -y, --yes    do not ask
  --local      no image: viscript on this machine, with the apps of ./config.yaml
  --nodes N    with --local: a mesh of so many nodes (2 to ${MAX_NODES}) on this machine, SOCKS at
               both ends; shows links, routes and throughput until q or Ctrl-C
  -h, --help   print this text
`;

const BOARD = 'qemu-aarch64';
const steps = stepsOf('run');

await runProgram('run', async () => {
  const { values } = parseArgs({
    options: {
      yes: { type: 'boolean', short: 'y', default: false },
      local: { type: 'boolean', default: false },
      nodes: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.nodes !== undefined) return await runMesh(values.local, values.nodes);
  return values.local ? await runLocal() : await runBoard(values.yes);
});

async function runLocal(): Promise<number> {
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () => build());
  const viscript = spawn(process.execPath, [join(root, 'dist/viscript.js')], { stdio: 'inherit' });
  // Ctrl-C reaches viscript too, which decides what it means.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => viscript.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    viscript.once('error', reject);
    viscript.once('exit', (status) => resolve(status ?? 1));
  });
}

async function runMesh(local: boolean, count: string): Promise<number> {
  const nodes = Number(count);
  if (!local || !(Number.isInteger(nodes) && nodes >= 2 && nodes <= MAX_NODES)) {
    process.stderr.write(
      `run: --nodes goes with --local and takes a number from 2 to ${MAX_NODES}; see --help\n`,
    );
    return 2;
  }
  await steps.step('Bundle the runtime', 'Correct what esbuild complains about.', () => build());
  await runLocalMesh({
    ...{ nodes, steps, input: process.stdin, output: process.stdout, signal: abortOnSignals() },
  });
  return 0;
}

async function runBoard(yes: boolean): Promise<number> {
  const plan = await planInstall(['image', 'qemu']);
  const needs = await findNeeds(plan, join(out, BOARD, 'skyminer.img'), root);
  const reuses = plan.missing.length === 0 && needs.built;
  if (!reuses) process.stdout.write(describeNeeds(needs));
  const refusal = obstacle(needs);
  if (refusal !== undefined) {
    process.stderr.write(`run: ${refusal}\n`);
    return 1;
  }
  const ask = !reuses && !yes && process.stdin.isTTY && process.stdout.isTTY;
  if (ask && !(await confirm('Go on?'))) return 1;

  await installPackages(plan, steps);
  const { image, uBoot } = await buildBoardImage({ board: BOARD, source: 'debian', steps });
  const authorizedKeys = await publicKey();
  await runQemu({
    ...{ image, uBoot, steps, input: process.stdin, output: process.stdout, signal: abortOnSignals() },
    ...(authorizedKeys === undefined ? {} : { authorizedKeys }),
  });
  return 0;
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
