import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { Identity, type PublicKey, parsePublicKey } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { scratchFolder } from '../signal/support.ts';
import { NodeClient, type NodeClientOptions } from './node-client.ts';

const root = join(import.meta.dirname, '../../..');

export interface ManagerProcess {
  child: ChildProcess;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Resolves when a line was printed, on standard output or error, that `pattern` fits; also one of before. */
  line(pattern: RegExp): Promise<string>;
}

/** The program itself, run by the Node of the lock file. */
export function launchManager(args: string[], environment: Record<string, string> = {}): ManagerProcess {
  const child = spawn(
    join(root, 'node_modules/.bin/node'),
    [join(root, 'services/manager/main.ts'), ...args],
    { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const lines: string[] = [];
  let heard = Promise.withResolvers<void>();
  const hear = (line: string) => {
    lines.push(line);
    heard.resolve();
    heard = Promise.withResolvers();
  };
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', hear);
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const line = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = lines.find((each) => pattern.test(each));
      if (found !== undefined) return found;
      const isOver = await Promise.race([heard.promise.then(() => false), exited.then(() => true)]);
      if (isOver && !lines.some((each) => pattern.test(each)))
        throw new Error(`the manager ended before ${pattern}: ${lines.join('\n')}`);
    }
  };
  return { child, exited, line };
}

/** A rack with a manager of its own, and clients that speak as its nodes do. */
export class Rack {
  readonly identity = Identity.generate();
  readonly boards: Identity[];
  readonly folder: string;
  manager!: ManagerProcess;
  /** `HOST:PORT`. */
  address = '127.0.0.1:0';
  key!: PublicKey;
  #number = 0;

  static async start(boards: number, args: string[] = [], tracker = '-'): Promise<Rack> {
    const rack = new Rack(boards, await scratchFolder());
    await rack.writeList(rack.boards);
    await rack.startManager(args, tracker);
    return rack;
  }

  private constructor(boards: number, folder: string) {
    this.folder = folder;
    this.boards = Array.from({ length: boards }, () => Identity.generate());
  }

  get listFile(): string {
    return join(this.folder, 'members');
  }

  /** Starts it, on the port that it had before. */
  async startManager(args: string[] = [], tracker = '-'): Promise<void> {
    const files = ['--members', this.listFile, '--key', join(this.folder, 'state', 'manager.key')];
    const rack = ['--rack', this.identity.publicKey];
    this.manager = launchManager(['mesh.test', this.address, tracker, ...files, ...rack, ...args]);
    const line = await this.manager.line(/^listening as /);
    const [, key = '', address = ''] = /^listening as ([0-9a-f]{64})@(\S+)$/.exec(line) ?? [];
    this.key = parsePublicKey(key);
    this.address = address;
  }

  async kill(): Promise<void> {
    this.manager.child.kill('SIGKILL');
    await this.manager.exited;
  }

  /** Signs a new list. @returns its text */
  async writeList(members: readonly Identity[], number = ++this.#number): Promise<string> {
    const text = signMembership(
      this.identity,
      number,
      members.map(({ publicKey }, at) => ({ board: `board${at}`, key: publicKey, roles: ['node'] })),
    );
    await writeFile(this.listFile, text);
    return text;
  }

  readList(): Promise<string> {
    return readFile(this.listFile, 'utf8');
  }

  /** Connects as a board, and says hello. */
  async node(board: number, options: Partial<NodeClientOptions> = {}): Promise<NodeClient> {
    const identity = this.boards[board] ?? Identity.generate();
    const client = await NodeClient.connect({
      identity,
      manager: this.key,
      address: this.address,
      ...options,
    });
    onTestFinished(() => client.close());
    await client.hello();
    return client;
  }

  /** All boards connect, in their order. */
  async nodes(options: Partial<NodeClientOptions> = {}): Promise<NodeClient[]> {
    return Promise.all(this.boards.map((_, board) => this.node(board, options)));
  }
}

/** Both ends report each link. */
export async function link(
  nodes: readonly NodeClient[],
  pairs: readonly (readonly [number, number])[],
): Promise<void> {
  for (const [one, other] of pairs) {
    nodes[one]?.setLink(nodes[other] as NodeClient);
    nodes[other]?.setLink(nodes[one] as NodeClient);
  }
  await Promise.all(nodes.map((node) => node.report()));
}

/** Waits until something is so; only a hang reaches the deadline. */
export async function until(check: () => Promise<void> | void): Promise<void> {
  await expect
    .poll(
      async () => {
        try {
          await check();
          return 'so it is';
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBe('so it is');
}
