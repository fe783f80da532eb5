import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { SignalApp } from '../../../services/signal/client.ts';
import { reasonOf, say } from './say.ts';

/** Connections to viscript that are open at the same time, each made anew when viscript ends it. */
const KNOCKS = 64;

/**
 * Takes all there is of disk, processes and descriptors, leaves its session twice over, knocks at viscript's door
 * without a pause, and will not go: its drain hook never ends, and it ignores SIGTERM.
 */
export async function hoard(app: SignalApp): Promise<void> {
  app.onShutdown(() => new Promise(() => undefined));
  // The library ends the process at the second SIGTERM; this one does not.
  process.removeAllListeners('SIGTERM').on('SIGTERM', () => say('SIGTERM ignored'));
  detach('while :; do sleep 1000; done');
  detach('exec 3>/dev/shm/left; echo here >&3; while :; do sleep 1000; done');
  const own = process.env.STATE_DIRECTORY ?? '';
  fillFolder(join(own, 'files'));
  fillDisk(join(own, 'hoard'));
  await fillProcesses();
  for (let at = 0; at < KNOCKS; at++) knock();
  fillDescriptors();
  beget();
  say('hoarded');
}

/** A shell that is nobody's child in a session of its own, and that ignores every polite signal. */
function detach(script: string): void {
  spawn('setsid', ['-f', 'sh', '-c', `trap "" TERM HUP INT; ${script}`], { stdio: 'ignore' });
}

function fillFolder(path: string): void {
  mkdirSync(path);
  let count = 0;
  const reason = untilRefused(() => {
    closeSync(openSync(join(path, String(count)), 'w'));
    count++;
  });
  say(`files: ${reason} after ${count}`);
  // Room for what is to be in the way next.
  rmSync(path, { recursive: true });
}

function fillDisk(path: string): void {
  const piece = Buffer.alloc(1024 * 1024, 1);
  const file = openSync(path, 'w');
  let bytes = 0;
  const reason = untilRefused(() => {
    bytes += writeSync(file, piece);
  });
  closeSync(file);
  say(`disk: ${reason} after ${bytes} bytes`);
}

async function fillProcesses(): Promise<void> {
  const children: ChildProcess[] = [];
  for (;;) {
    const child = spawn('setsid', ['sleep', '1000'], { stdio: 'ignore', detached: true });
    const refused = await Promise.race([once(child, 'spawn').then(() => undefined), once(child, 'error')]);
    if (refused !== undefined) {
      say(`processes: ${reasonOf(refused[0])} after ${children.length}`);
      break;
    }
    children.push(child);
  }
  // Room for those of `beget`, which leave their remains to systemd.
  const ended = children.slice(-8).map(async (child) => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  });
  await Promise.all(ended);
}

function fillDescriptors(): void {
  const open: number[] = [];
  const reason = untilRefused(() => {
    open.push(openSync('/dev/null', 'r'));
  });
  say(`descriptors: ${reason} after ${open.length}`);
  // Room for what starts processes; whoever knocks takes what is left of it.
  for (const descriptor of open.slice(-4 * KNOCKS)) closeSync(descriptor);
}

/** Processes that are born and die without end: the last of all, for nothing of this app gets on beside them. */
function beget(): void {
  for (let at = 0; at < 2; at++) detach('while :; do (:&) || :; done');
}

function untilRefused(take: () => unknown): string {
  for (;;) {
    try {
      take();
    } catch (error) {
      return reasonOf(error);
    }
  }
}

/** Turned away or out of descriptors, it is back at once. */
function knock(): void {
  connect('/run/viscript/signal.sock')
    .on('error', () => undefined)
    .on('close', () => setImmediate(knock));
}
