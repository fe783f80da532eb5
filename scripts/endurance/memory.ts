import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { pause } from '../../services/signal/pause.ts';
import { freePorts } from '../lib/free-ports.ts';
import { MeasureError, residentBytes, until } from '../measure/process.ts';
import { dial, readExactly } from '../measure/proxies/dial.ts';
import { startMesh } from '../measure/proxies/mesh.ts';
import { listens, startProgram, stopProgram } from '../measure/proxies/proxy.ts';
import { judgeGrowth } from './growth.ts';
import type { MemoryFindings } from './state.ts';

export interface MemoryOptions {
  /** Folder with the bundled apps. */
  apps: string;
  /** For so long memory is watched, after a minute in which caches and heaps fill. */
  minutes: number;
  progress: (text: string) => void;
  signal: AbortSignal;
}

const NODES = 3;
const IDLE_STREAMS = 1_000;
/** So many streams are opened at a time. */
const OPENED_AT_ONCE = 50;
const WARM_UP_MS = 60_000;
const SAMPLE_MS = 10_000;
/** Of one download. The next one begins as soon as it is over. */
const DOWNLOAD_BYTES = 4_000_000_000;

/**
 * Watches the memory of a mesh of processes that carries downloads at full rate, with a thousand idle streams beside
 * them.
 *
 * @throws {MeasureError} a download broke off, or an idle stream does not live in the end
 */
export async function watchMemory(options: MemoryOptions): Promise<MemoryFindings> {
  const { apps, minutes, signal: given } = options;
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-soak-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const [web = 0] = await freePorts(2);
  const echo = web + 1;
  const server = join(import.meta.dirname, '../measure/blob.ts');
  const blob = startProgram(process.execPath, [server, String(web)]);
  stack.defer(() => stopProgram(blob));
  await listens(web, 'the server');
  const { port, pids } = await startMesh({ apps, folder, nodes: NODES, name: 'the mesh' }, stack);
  await until('the mesh leads somewhere', () => alive(port, echo));
  const idle = await openIdle(port, echo, stack);

  const stop = new AbortController();
  const end = () => stop.abort();
  const signal = AbortSignal.any([given, stop.signal]);
  const downloads = new Downloads(port, web);
  const sampling = takeSamples(pids, downloads, { ...options, signal });
  // Whichever ends first ends the other: a download that breaks off, or the time.
  const [carried, samples] = await Promise.allSettled([
    downloads.run(signal).finally(end),
    sampling.finally(end),
  ]);
  if (carried.status === 'rejected') throw carried.reason;
  if (samples.status === 'rejected') throw samples.reason;
  given.throwIfAborted();
  for (const socket of idle) await answers(socket);
  return {
    day: new Date().toISOString().slice(0, 10),
    ...{ minutes, bytes: samples.value.bytes, idleStreams: idle.length },
    processes: Array.from(samples.value.resident, ([name, taken]) => ({ name, ...judgeGrowth(taken) })),
  };
}

/** Resident bytes of each process at even distances, by name, and the bytes that were downloaded meanwhile. */
async function takeSamples(
  pids: ReadonlyMap<string, number>,
  downloads: Downloads,
  { minutes, progress, signal }: MemoryOptions,
): Promise<{ resident: Map<string, number[]>; bytes: number }> {
  const resident = new Map(Array.from(pids.keys(), (name) => [name, [] as number[]]));
  progress('warming up');
  await pause(WARM_UP_MS, signal);
  const before = downloads.bytes;
  const count = Math.round((minutes * 60_000) / SAMPLE_MS);
  for (let number = 1; number <= count && !signal.aborted; number++) {
    await pause(SAMPLE_MS, signal);
    for (const [name, pid] of pids) resident.get(name)?.push(await residentBytes(pid));
    progress(`${number} of ${count} samples, ${((downloads.bytes - before) / 1e9).toFixed(1)} GB`);
  }
  return { resident, bytes: downloads.bytes - before };
}

/** Downloads by a SOCKS proxy, one after the other. */
class Downloads {
  /** That came so far. */
  bytes = 0;
  readonly #proxy: number;
  readonly #target: number;

  constructor(proxy: number, target: number) {
    this.#proxy = proxy;
    this.#target = target;
  }

  /** Until the signal is aborted. @throws whatever broke a download off */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const socket = await dial(this.#proxy, this.#target);
      try {
        await this.#download(socket, signal);
      } finally {
        socket.destroy();
      }
    }
  }

  async #download(socket: Socket, signal: AbortSignal): Promise<void> {
    const before = this.bytes;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
    });
    socket.write(`GET /${DOWNLOAD_BYTES} HTTP/1.1\r\n\r\n`);
    try {
      await finished(socket, { writable: false, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    const came = this.bytes - before;
    if (came < DOWNLOAD_BYTES && !signal.aborted)
      throw new MeasureError(`a download broke off after ${came} bytes of ${DOWNLOAD_BYTES}`);
  }
}

/** Streams that are used once, and then held until the stack is disposed of. */
async function openIdle(proxy: number, echo: number, stack: AsyncDisposableStack): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < IDLE_STREAMS) {
    const opened = await Promise.all(
      Array.from({ length: OPENED_AT_ONCE }, async () => {
        const socket = await dial(proxy, echo);
        stack.defer(() => void socket.destroy());
        return socket;
      }),
    );
    for (const socket of opened) await answers(socket);
    sockets.push(...opened);
  }
  return sockets;
}

async function answers(socket: Socket): Promise<void> {
  socket.write('?');
  await readExactly(socket, 1);
}

async function alive(proxy: number, echo: number): Promise<void> {
  const socket = await dial(proxy, echo);
  try {
    await answers(socket);
  } finally {
    socket.destroy();
  }
}
