import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { MeasureError, until } from '../../measure/process.ts';
import type { AbusedHost } from './host.ts';

/** What is counted of mishaps; see {@link AbuseTotals}. */
export interface Counts {
  crashes: number;
  hangs: number;
  floods: number;
  /** Bytes that apps wrote in floods. */
  flooded: number;
  /** Connections that spoke garbage to one of viscript's sockets. */
  knocks: number;
}

/** Does something to apps or to viscript, and waits until all is well again. @throws {MeasureError} when it is not */
export type Mishap = (host: AbusedHost, counts: Counts) => Promise<void>;

const signals = ['SIGKILL', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'] as const;
const floods = ['lines', 'endless', 'binary', 'escapes'];
/** MiB a second, more than anybody reads; and MiB. */
const FAST = 100_000;
const FLOOD = 100;
/** Garbage that is offered at once, and its bytes. */
const KNOCKS = 20;
const GARBAGE_BYTES = 4096;

export const mishaps: readonly Mishap[] = [dies, exits, hangs, leavesOrphans, writes, isKnockedAt];

/** An app is killed by a signal, and is back with another process. */
async function dies(host: AbusedHost, counts: Counts): Promise<void> {
  const signal = signals[randomInt(signals.length)] ?? 'SIGKILL';
  const { id, pid } = await victim(host);
  process.kill(pid, signal);
  const back = await host.becomes(id, `is back after ${signal}`, (launch) => isBack(launch, pid));
  if (back.lastExit?.signal !== signal)
    throw new MeasureError(`launch ${id} died of ${signal}, and viscript says ${JSON.stringify(back)}`);
  counts.crashes++;
  await host.must(['shutdown', String(id)]);
}

/** An app ends by itself, and how it did is known. */
async function exits(host: AbusedHost, counts: Counts): Promise<void> {
  const code = randomInt(1, 256);
  const id = await host.begin('mortal', 'fail', String(code));
  const over = await host.becomes(id, 'is over', ({ state }) => state === 'exited');
  if (over.lastExit?.code !== code)
    throw new MeasureError(`launch ${id} exited with ${code}, and viscript says ${JSON.stringify(over)}`);
  counts.crashes++;
}

/** An app stands still, is found out by its missed pings, and is back. */
async function hangs(host: AbusedHost, counts: Counts): Promise<void> {
  const { id, pid } = await victim(host);
  process.kill(pid, 'SIGSTOP');
  const back = await host.becomes(id, 'is back after it hung', (launch) => isBack(launch, pid));
  if (back.lastExit?.kind !== 'hung')
    throw new MeasureError(`launch ${id} hung, and viscript says ${JSON.stringify(back)}`);
  counts.hangs++;
  await host.must(['shutdown', String(id)]);
}

/** An app ends, and leaves processes that have left its session and ignore signals. */
async function leavesOrphans(host: AbusedHost, counts: Counts): Promise<void> {
  const before = new Set(await host.processes());
  const id = await host.begin('parent');
  await host.becomes(id, 'is over', ({ state }) => state === 'exited');
  const left = (await host.processes()).filter((pid) => !before.has(pid));
  if (left.length > 0)
    throw new MeasureError(`launch ${id} is over, and its processes ${left.join(' ')} live`);
  counts.crashes++;
}

/** An app writes as fast as it is read. */
async function writes(host: AbusedHost, counts: Counts): Promise<void> {
  const id = await host.begin('flood', floods[randomInt(floods.length)] ?? '', String(FAST), String(FLOOD));
  await host.becomes(id, 'is over', ({ state }) => state === 'exited');
  const [, written] = /^.*wrote (\d+) bytes$/m.exec(await host.must(['logs', '-n', '20', String(id)])) ?? [];
  if (written === undefined) throw new MeasureError(`launch ${id} has lost the last line of its flood`);
  counts.floods++;
  counts.flooded += Number(written);
}

/** Strangers connect to viscript's sockets and talk garbage. */
async function isKnockedAt(host: AbusedHost, counts: Counts): Promise<void> {
  const path = randomInt(2) === 0 ? host.signalSocket : host.controlSocket;
  await Promise.all(
    Array.from({ length: KNOCKS }, async () => {
      const socket = createConnection(path);
      // Being thrown out is what these are for.
      socket.on('error', () => undefined);
      socket.end(randomBytes(randomInt(1, GARBAGE_BYTES)));
      await once(socket.resume(), 'close');
    }),
  );
  counts.knocks += KNOCKS;
}

async function victim(host: AbusedHost): Promise<{ id: number; pid: number }> {
  const id = await host.begin('victim');
  const { pid } = await host.becomes(id, 'is ready', ({ state }) => state === 'ready');
  if (typeof pid !== 'number') throw new MeasureError(`launch ${id} is ready without a process`);
  return { id, pid };
}

function isBack(
  { state, pid, restarts }: { state: string; pid?: number | null | undefined; restarts: number },
  before: number,
): boolean {
  return state === 'ready' && pid !== before && restarts === 1;
}

/** Kills viscript itself: nothing of it and its apps may be left, and it can be started again. */
export async function killSupervisor(host: AbusedHost): Promise<void> {
  await host.kill();
  await until('all processes of a supervisor that was killed are gone', async () => {
    const left = await host.processes();
    if (left.length > 0) throw new MeasureError(`${left.join(' ')} live`);
  });
  await host.start();
}
