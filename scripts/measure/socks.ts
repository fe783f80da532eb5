import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../lib/free-ports.ts';
import { downloadSpeed } from './download-speed.ts';
import { MeasureError, timeCommand } from './process.ts';
import { dial, readExactly } from './proxies/dial.ts';
import { startMesh } from './proxies/mesh.ts';
import { startDante, startMicrosocks, startPipe } from './proxies/plain.ts';
import { listens, type SocksProxy, startProgram, stopProgram } from './proxies/proxy.ts';
import { startSsh } from './proxies/ssh.ts';
import type { Row } from './row.ts';
import { percentile } from './statistics.ts';

export interface SocksOptions {
  /** Folder with the bundled apps. */
  apps: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

/** Bytes of one download; enough for a second. */
const DOWNLOAD_BYTES = 512 * 1024 * 1024;
const ECHOES = 2_000;
const ECHO_BYTES = 64;

/** SOCKS over our mesh beside what else there is, at the program's socket: bulk, and the time of small round trips. */
export async function measureSocks({ apps, folder, rounds, progress }: SocksOptions): Promise<Row[]> {
  await mkdir(folder, { recursive: true });
  await using stack = new AsyncDisposableStack();
  const [target = 0] = await freePorts(2);
  const blob = startProgram(process.execPath, [join(import.meta.dirname, 'blob.ts'), String(target)]);
  stack.defer(() => stopProgram(blob));
  await listens(target, 'the server');
  const { port: pipe } = await startPipe(target, stack);
  const mesh = (nodes: number) =>
    startMesh({ apps, folder: join(folder, `mesh${nodes}`), nodes, name: `${nodes} nodes` }, stack);
  const [one, three] = [await mesh(2), await mesh(3)];
  const ssh = await startSsh(join(folder, 'ssh'), 'ssh -D', undefined, stack);
  const gcm = await startSsh(join(folder, 'ssh-gcm'), 'ssh -D, aes256-gcm', 'aes256-gcm@openssh.com', stack);
  const plain = [await startMicrosocks(stack), await startDante(folder, stack)];
  const proxies = [one, three, ssh, gcm, ...plain];
  for (const { name, port } of proxies) await carries(name, port, target + 1);
  const speeds = new Map<string, number[]>();
  const trips = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    progress(`SOCKS: round ${round} of ${rounds}`);
    for (const proxy of proxies) {
      const speed = await download(proxy, target);
      const times = await echo(proxy.port, target + 1);
      if (round === 0) continue;
      add(speeds, proxy.name, speed);
      add(trips, `${proxy.name} p50`, percentile(times, 50));
      add(trips, `${proxy.name} p99`, percentile(times, 99));
    }
    const piped = await download({ name: 'pipe', port: 0 }, pipe);
    if (round > 0) add(speeds, 'a Node.js pipe', piped);
  }
  const valuesOf = (from: Map<string, number[]>, name: string) => from.get(name) ?? [];
  const peers = (from: Map<string, number[]>, ...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, valuesOf(from, name)]));
  const difference = (what: 'p50' | 'p99') => {
    const near = valuesOf(trips, `${one.name} ${what}`);
    // A round trip passes the relay twice.
    return valuesOf(trips, `${three.name} ${what}`).map(
      (value, at) => ((value - (near[at] ?? 0)) / 2) * 1_000,
    );
  };
  const others = [ssh.name, gcm.name, ...plain.map(({ name }) => name), 'a Node.js pipe'];
  return [
    {
      ...{ group: 'SOCKS', what: 'bulk, one encrypted link', unit: 'MB/s', ours: valuesOf(speeds, one.name) },
      peers: peers(speeds, ...others),
      must: { limit: 1.3, of: ssh.name, atLeast: true },
      goal: { limit: 1.7, of: ssh.name, atLeast: true },
    },
    {
      ...{ group: 'SOCKS', what: 'the same', unit: 'MB/s', ours: valuesOf(speeds, one.name) },
      peers: peers(speeds, gcm.name),
      must: { limit: 0.6, of: gcm.name, atLeast: true },
      goal: { limit: 1, of: gcm.name, atLeast: true },
    },
    {
      ...{
        group: 'SOCKS',
        what: 'bulk, 3 nodes, end to end',
        unit: 'MB/s',
        ours: valuesOf(speeds, three.name),
      },
      peers: peers(speeds, ssh.name, 'a Node.js pipe'),
      must: { limit: 1.1, of: ssh.name, atLeast: true },
      goal: { limit: 1.4, of: ssh.name, atLeast: true },
    },
    {
      ...{ group: 'SOCKS', what: 'round trip of 64 bytes, one link, p50', unit: 'ms' },
      ours: valuesOf(trips, `${one.name} p50`),
      peers: peers(trips, `${ssh.name} p50`, `${gcm.name} p50`),
    },
    {
      ...{ group: 'a relay', what: 'added latency, p50', unit: 'µs', ours: difference('p50'), peers: {} },
      must: { limit: 100 },
      goal: { limit: 60 },
    },
    {
      ...{ group: 'a relay', what: 'added latency, p99', unit: 'µs', ours: difference('p99'), peers: {} },
      must: { limit: 500 },
      goal: { limit: 300 },
    },
  ];
}

/** Waits until a proxy that listens has found its way. @throws {MeasureError} when it does not within half a minute */
async function carries(name: string, proxy: number, target: number): Promise<void> {
  const end = performance.now() + 30_000;
  for (;;) {
    try {
      await echo(proxy, target, 1);
      return;
    } catch (cause) {
      if (performance.now() > end) throw new MeasureError(`${name} leads nowhere`, { cause });
      await delay(100);
    }
  }
}

function add(to: Map<string, number[]>, name: string, value: number): void {
  to.set(name, [...(to.get(name) ?? []), value]);
}

/** @param proxy port 0 for none @returns MB/s */
async function download({ port }: SocksProxy, target: number): Promise<number> {
  const curl = port === 0 ? [] : ['--socks5-hostname', `127.0.0.1:${port}`];
  return await downloadSpeed({
    run: async (file, ...args) => (await timeCommand({ file, args })).stdout,
    through: { curl, server: '127.0.0.1' },
    ...{ port: target, bytes: DOWNLOAD_BYTES },
  });
}

/** @returns milliseconds of each of many round trips on one connection */
async function echo(proxy: number, target: number, echoes = ECHOES): Promise<number[]> {
  const socket = await dial(proxy, target);
  try {
    const ping = Buffer.alloc(ECHO_BYTES);
    const times: number[] = [];
    for (let count = 0; count < echoes; count++) {
      const start = performance.now();
      socket.write(ping);
      await readExactly(socket, ECHO_BYTES);
      times.push(performance.now() - start);
    }
    return times;
  } finally {
    socket.destroy();
  }
}
