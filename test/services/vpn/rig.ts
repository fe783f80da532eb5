import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished, type TestContext } from 'vitest';
import { type Host, Lab } from '../../../scripts/lib/lab.ts';
import { JoinedCarrier, startNode, type TestNode } from '../node/apps/joined.ts';
import { Queue, scratchFolder } from '../signal/support.ts';

const root = join(import.meta.dirname, '../../..');
export const nodeProgram = join(root, 'node_modules/.bin/node');
const programs = { server: 'services/vpn/server/main.ts', client: 'services/vpn/client/main.ts' };

/** Skips a test on machines that cannot run it, and says why. */
export function needTunnels(context: TestContext): void {
  context.skip(process.getuid?.() !== 0, 'network namespaces need root');
  context.skip(!existsSync('/dev/net/tun'), 'no /dev/net/tun here');
  const isThere = (program: string) =>
    ['/usr/sbin', '/sbin', '/usr/bin'].some((path) => existsSync(join(path, program)));
  context.skip(!isThere('nft'), 'nftables is not installed');
}

/** Hosts for one test. */
export function startLab(): Lab {
  const lab = new Lab();
  onTestFinished(() => lab[Symbol.asyncDispose]());
  return lab;
}

/** Nodes whose apps reach each other; every host reaches them by the paths of their sockets. */
export async function startNodes(
  count: number,
  options: Parameters<typeof startNode>[1] = {},
): Promise<TestNode[]> {
  const all: JoinedCarrier[] = [];
  const nodes: TestNode[] = [];
  for (let at = 0; at < count; at++) nodes.push(await startNode(new JoinedCarrier(all), options));
  return nodes;
}

export interface VpnApp {
  child: ChildProcess;
  /** The next line on standard output or standard error that `pattern` fits. */
  line(pattern: RegExp): Promise<string>;
  /** All that it has said. */
  said(): string;
  /** Ends it in order. @returns its exit code */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
  exited: Promise<number | null>;
  /** The folder where it keeps what it has to know after a restart. */
  state: string;
}

/** Starts one of the two programs on a host. @param prefix a command that runs it, before its own words */
export async function launch(
  host: Host,
  program: keyof typeof programs,
  args: readonly string[],
  { prefix = [], state, ...options }: SpawnOptions & { prefix?: readonly string[]; state?: string } = {},
): Promise<VpnApp> {
  const [command = nodeProgram, ...words] = [...prefix, nodeProgram, join(root, programs[program]), ...args];
  const folder = state ?? (await scratchFolder());
  const child = host.spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, STATE_DIRECTORY: folder },
    ...options,
  });
  const exited = once(child, 'close').then(([code]): number | null => code);
  const lines = new Queue<string>();
  const all: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    if (!output) continue;
    createInterface(output).on('line', (line) => {
      all.push(line);
      lines.push(line);
    });
  }
  const said = () => all.join('\n');
  return {
    ...{ child, exited, said, state: folder },
    async line(pattern) {
      for (;;) {
        const next = await Promise.race([lines.next(), exited]);
        if (typeof next !== 'string') throw new Error(`it ended before ${pattern}: ${said()}`);
        if (pattern.test(next)) return next;
      }
    },
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** All of a host's network that a tunnel may change. */
export async function networkState(host: Host): Promise<string> {
  const commands = [
    ['ip', '-brief', 'link'],
    ['ip', '-oneline', '-4', 'address'],
    ['ip', '-oneline', '-6', 'address'],
    ['ip', '-4', 'rule'],
    ['ip', '-6', 'rule'],
    ['ip', '-4', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
    ['nft', 'list', 'ruleset'],
  ];
  const outputs: string[] = [];
  for (const [command = '', ...args] of commands) outputs.push(await host.run(command, ...args));
  // Link-local addresses and multicast come by themselves, some time after a cable.
  const lines = outputs.join('').split('\n');
  return lines.filter((line) => !/fe80:|ff00:/.test(line)).join('\n');
}

const listener = `
  const server = require('net').createServer({ allowHalfOpen: true }, (socket) => {
    const hash = require('crypto').createHash('sha256');
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => socket.end(socket.remoteAddress + ' ' + hash.digest('hex')));
    socket.on('error', () => socket.destroy());
  }).listen(7, '::', () => console.log('listening'));
`;
const caller = `
  const [, address, bytes] = process.argv;
  const socket = require('net').connect({ host: address, port: 7, timeout: 5000 });
  const data = Buffer.alloc(Number(bytes), 'skyminer');
  let answer = '';
  socket.on('connect', () => socket.end(data));
  socket.on('data', (chunk) => { answer += chunk; });
  socket.on('end', () => say(answer.endsWith(require('crypto').createHash('sha256').update(data).digest('hex')) ? answer.split(' ')[0] : 'damaged'));
  socket.on('error', (error) => say(error.code)).on('timeout', () => say('silence'));
  function say(what) { console.log(what); process.exit(); }
`;

/** Lets a host take TCP connections; each is answered with the address it came from, as this host sees it. */
export async function listen(host: Host): Promise<void> {
  const child = host.spawn(nodeProgram, ['-e', listener], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout ?? child, 'data');
}

/**
 * Sends bytes to a host that listens.
 * @param prefix a command that runs what does it
 * @returns the address from which they came there, when they arrived as they were; else what went wrong
 */
export async function call(
  from: Host,
  address: string,
  bytes = 100_000,
  prefix: readonly string[] = [],
): Promise<string> {
  const [command = nodeProgram, ...words] = [...prefix, nodeProgram, '-e', caller, address, String(bytes)];
  return (await from.run(command, ...words)).trim();
}
