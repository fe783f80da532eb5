import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { Hub } from '../../image/qemu/index.ts';
import type { Steps } from '../../image/steps.ts';
import { Backoff } from '../../services/signal/backoff.ts';
import { pause } from '../../services/signal/pause.ts';
import { freePorts } from '../lib/free-ports.ts';
import { showMoments, takeTerminal } from '../lib/live.ts';
import { OwnViscript } from '../lib/own-viscript.ts';
import { followMesh } from '../mesh-view/follow.ts';
import { outerConfig } from './config.ts';
import { DownloadFailed, download } from './download.ts';
import { type EmulatedRack, planRack } from './plan.ts';
import { Plug } from './plug.ts';
import { Source } from './source.ts';
import { describeMoment, drawScreen, type Moment } from './view.ts';

export interface EmulatedRackOptions {
  /** Folder that `scripts/build.ts` made. */
  bundle: string;
  image: string;
  uBoot: string;
  boards: number;
  /** Size of the download. */
  bytes: number;
  bytesPerSecond: number;
  steps: Steps;
  /** A terminal; or any stream, whose lines are the numbers of boards. */
  input: Readable;
  output: Writable;
  /** Aborting it ends everything. */
  signal: AbortSignal;
}

const START_MS = 60_000;
/** How long the first connection through the mesh is tried. */
const CONNECT_MS = 120_000;

/**
 * "Pull any plug": boards in QEMU joined in the mesh, a download that runs through them between two nodes on this
 * machine, and a key for each board that pulls its plug or puts it back. Nothing is left running on any way out.
 *
 * @returns whether the download came whole; undefined when it was ended before
 * @throws {DownloadFailed} when it broke
 */
export async function runEmulatedRack(options: EmulatedRackOptions): Promise<boolean | undefined> {
  const { bundle, steps, output, signal } = options;
  await using stack = new AsyncDisposableStack();
  // Not in /tmp, which may be in memory: the boards' disks are in here.
  const folder = await mkdtemp(join(process.env.TMPDIR ?? '/var/tmp', 'skyrack-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const rack = await planRack(folder, options.boards);
  const hub = stack.use(await Hub.listen(join(folder, 'hub.sock')));
  const plugs = rack.boards.map((board) => stack.use(plugOf(board, hub, folder, options)));
  await steps.step(
    `Boot ${plugs.length} boards`,
    'Boot one alone with ./scripts/run, and read what it says.',
    (step) => allOn(plugs, signal, step.note),
  );

  const [socksPort = 0] = await freePorts(1);
  const configFile = join(folder, 'config.yaml');
  await writeFile(configFile, outerConfig(rack, socksPort));
  const viscript = stack.use(new OwnViscript({ bundle, configFile, folder }));
  await steps.step('Start both ends', 'Read above what the app said that did not start.', (step) =>
    viscript.allReady(AbortSignal.any([signal, AbortSignal.timeout(START_MS)]), step.note),
  );
  const source = stack.use(await Source.serve(options));
  const left = new AbortController();
  const transfer = new RunningTransfer(
    source,
    socksPort,
    options.bytes,
    AbortSignal.any([signal, left.signal]),
  );
  stack.defer(() => left.abort());
  await watch(rack, plugs, transfer, options);
  if (transfer.received < options.bytes) left.abort();
  const hashes = await transfer.hashes;
  if (hashes === undefined) return undefined;
  const [sent, received] = hashes;
  output.write(`SHA-256 sent      ${sent}\nSHA-256 received  ${received}\n`);
  return sent === received;
}

function plugOf(
  { name, mac, forwards, credentials }: EmulatedRack['boards'][number],
  hub: Hub,
  folder: string,
  { image, uBoot }: EmulatedRackOptions,
): Plug {
  const disk = { keep: join(folder, `${name}.qcow2`) };
  return new Plug({ ...{ name, image, uBoot, disk, forwards, credentials }, hub: { path: hub.path, mac } });
}

async function allOn(
  plugs: readonly Plug[],
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<void> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  signal.throwIfAborted();
  const tell = () =>
    note(`${plugs.filter(({ state }) => state === 'on').length} of ${plugs.length} in service`);
  await Promise.race([aborted, Promise.all(plugs.map((plug) => plug.plugIn().then(tell)))]);
}

/** The download, from the first attempt to its end. */
class RunningTransfer {
  received = 0;
  /** SHA-256 of what was sent and of what came; undefined when the signal has ended it. */
  readonly hashes: Promise<[sent: string, received: string] | undefined>;

  constructor(source: Source, socksPort: number, bytes: number, signal: AbortSignal) {
    const onBytes = (count: number) => {
      this.received += count;
    };
    this.hashes = this.#run({ socksPort, port: source.port, onBytes, signal }, source, bytes);
    // It is asked for when the picture is done; a failure before that is told then.
    this.hashes.catch(() => undefined);
  }

  async #run(
    options: Parameters<typeof download>[0],
    source: Source,
    bytes: number,
  ): Promise<[string, string] | undefined> {
    const { signal } = options;
    const until = performance.now() + CONNECT_MS;
    const backoff = new Backoff({ firstMs: 200, maxMs: 2_000 });
    while (!signal.aborted) {
      try {
        const received = await download(options);
        if (this.received < bytes)
          throw new DownloadFailed(`the download ended after ${this.received} bytes`);
        return [await source.sha256, received];
      } catch (error) {
        if (signal.aborted) break;
        // Before the first byte the mesh may still be coming about; a transfer that has begun is never begun again.
        if (this.received > 0 || performance.now() > until) throw error;
      }
      await pause(backoff.next(), signal);
    }
    return undefined;
  }
}

async function watch(
  rack: EmulatedRack,
  plugs: readonly Plug[],
  transfer: RunningTransfer,
  options: EmulatedRackOptions,
): Promise<void> {
  const { input, output, bytes } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const end = () => stop.abort();
  void transfer.hashes.then(end, end);
  const press = (key: string) => {
    const plug = plugs[Number(key) - 1];
    if (plug !== undefined) void toggled(plug, output);
    else if (key === 'q' || key === 'ctrl-c' || key === 'ctrl-d') end();
  };
  using live = takeTerminal({ input, output, onKey: press });
  const lines = live === undefined ? createInterface({ input }) : undefined;
  lines?.on('line', (line) => press(line.trim())).once('close', end);
  try {
    await showMoments(
      moments(rack, plugs, transfer, bytes, signal),
      { live, output },
      {
        screen: (moment, size) => drawScreen(rack, moment, size),
        line: (moment) => describeMoment(rack, moment),
      },
    );
  } finally {
    lines?.off('close', end).close();
  }
}

/** Pulls the plug, or puts it in again: the picture shows what became of it. */
async function toggled(plug: Plug, output: Writable): Promise<void> {
  try {
    await (plug.state === 'off' ? plug.plugIn() : plug.pull());
  } catch (error) {
    output.write(`${error instanceof Error ? error.message : error}\n`);
    await plug.pull();
  }
}

/** What is known, once a second; of the mesh what was known last while its manager does not answer. */
async function* moments(
  rack: EmulatedRack,
  plugs: readonly Plug[],
  transfer: RunningTransfer,
  bytes: number,
  signal: AbortSignal,
): AsyncGenerator<Moment> {
  let before = { at: performance.now(), received: 0 };
  for await (const { picture, rates, problem } of followMesh(rack.client.socket, signal)) {
    const { received } = transfer;
    const at = performance.now();
    const rate = ((received - before.received) / (at - before.at)) * 1000;
    before = { at, received };
    yield {
      ...{ picture, rates, states: plugs.map(({ state }) => state) },
      transfer: { received, bytes, rate },
      problem: problem && 'The manager does not answer: the picture is the last one.',
    };
  }
}
