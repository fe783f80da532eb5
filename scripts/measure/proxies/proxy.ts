import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Host } from '../../lib/lab.ts';
import { cleanEnvironment, MeasureError, until } from '../process.ts';

/** Something that listens on a port of 127.0.0.1 for SOCKS5. */
export interface SocksProxy {
  name: string;
  port: number;
}

/** Starts a program that runs until it is killed; what it says is shown when it ends too soon. */
export function startProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(file, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tellEarlyEnd(child, file);
  return child;
}

/** Like {@link startProgram}, on a host of a lab, which ends it. */
export function startOn(
  host: Host,
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): void {
  const child = host.spawn(file, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  tellEarlyEnd(child, `${file} on ${host.name}`);
}

function tellEarlyEnd(child: ChildProcess, name: string): void {
  let said = '';
  const hear = (text: Buffer) => {
    said = (said + text).slice(-2_000);
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  child.once('exit', (status, signal) => {
    if (signal === null) process.stderr.write(`${name} ended with ${status}: ${said}\n`);
    // What it has started may live on, as a session of sshd does, and must not keep this process waiting for its words.
    child.stdout?.destroy();
    child.stderr?.destroy();
  });
}

/** @throws {MeasureError} it did not start */
export function pidOf({ pid, spawnfile }: ChildProcess): number {
  if (pid === undefined) throw new MeasureError(`${spawnfile} did not start`);
  return pid;
}

export async function stopProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Waits until something listens. @throws {MeasureError} when nothing does within half a minute */
export async function listens(port: number, name: string): Promise<void> {
  await until(`${name} listens on port ${port}`, async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
    } finally {
      socket.destroy();
    }
  });
}
