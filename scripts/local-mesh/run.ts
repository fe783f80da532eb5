import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Steps } from '../../image/steps.ts';
import { portOrAnother } from '../lib/free-ports.ts';
import { showMoments, takeTerminal } from '../lib/live.ts';
import { MeshNotStarted, OwnViscript } from '../lib/own-viscript.ts';
import { followMesh } from '../mesh-view/follow.ts';
import { meshConfig } from './config.ts';
import { Page } from './page.ts';
import { type LocalMesh, planMesh } from './plan.ts';
import { describeMoment, drawScreen, type Moment } from './view.ts';

export interface LocalMeshOptions {
  /** Folder that `scripts/build.ts` made. */
  bundle: string;
  nodes: number;
  steps: Steps;
  /** A terminal, or any stream. */
  input: Readable;
  output: Writable;
  /** Aborting it ends everything. */
  signal: AbortSignal;
}

/** What curl and browsers take when nobody says otherwise. */
const SOCKS_PORT = 1080;
const START_MS = 60_000;

/**
 * A mesh of nodes on this machine under a supervisor of its own, SOCKS at both ends: says what to try and shows links,
 * routes and throughput, until `q`, the end of the input, or the signal. Nothing of it is left on any way out.
 */
export async function runLocalMesh(options: LocalMeshOptions): Promise<void> {
  const { bundle, nodes, steps, signal } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'skymesh-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const mesh = await planMesh(folder, nodes);
  const socksPort = await portOrAnother(SOCKS_PORT);
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, meshConfig(mesh, socksPort));
  const page = stack.use(await Page.serve());
  const viscript = stack.use(new OwnViscript({ bundle, configFile, folder }));
  await steps.step(`Start ${nodes} nodes`, 'Read above what the app said that did not start.', (step) =>
    viscript.allReady(AbortSignal.any([signal, AbortSignal.timeout(START_MS)]), step.note),
  );
  const proxy = `127.0.0.1:${socksPort}`;
  const advice = [
    `curl --socks5-hostname ${proxy} ${page.url}`,
    `curl --socks5-hostname ${proxy} -o /dev/null ${page.url}big`,
    `${here(process.execPath)} ${here(join(bundle, 'viscript.js'))} --runtime-dir ${folder} status`,
  ];
  await watch(mesh, viscript, advice, options);
}

/** As short as it can be typed in this folder. */
function here(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

async function watch(
  mesh: LocalMesh,
  viscript: OwnViscript,
  advice: readonly string[],
  { input, output, signal: given }: LocalMeshOptions,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([given, stop.signal]);
  const end = () => stop.abort();
  void viscript.ended.then(end);
  input.once('end', end).resume();
  using live = takeTerminal({
    ...{ input, output },
    onKey: (key) => {
      if (key === 'q' || key === 'ctrl-c' || key === 'ctrl-d') end();
    },
  });
  if (live === undefined) output.write(advice.map((line) => `  ${line}\n`).join(''));
  try {
    await showMoments(
      moments(mesh, advice, signal),
      { live, output },
      {
        screen: (moment, size) => drawScreen(mesh, moment, size),
        line: (moment) => describeMoment(mesh, moment),
      },
    );
  } finally {
    input.off('end', end).pause();
  }
  if (!viscript.running) throw new MeshNotStarted('viscript has ended');
}

/** What is known of the mesh, once a second. */
async function* moments(
  { nodes }: LocalMesh,
  advice: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Moment> {
  for await (const seen of followMesh(nodes[0]?.socket ?? '', signal)) yield { ...seen, advice };
}
