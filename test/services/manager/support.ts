import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished } from 'vitest';
import { Admission } from '../../../services/manager/admission.ts';
import { Manager, type Timing } from '../../../services/manager/manager.ts';
import { identityIn } from '../../../services/net/key-file.ts';
import { Identity, type PublicKey, parsePublicKey } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { tcp } from '../../../services/net/transport/tcp.ts';
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

export interface RackOptions {
  /** Of the command line. */
  args?: string[];
  /** HOST:PORT of a tracker. */
  tracker?: string;
}

/** A rack, and clients that speak as its nodes do. */
export class Rack {
  readonly identity = Identity.generate();
  readonly boards: Identity[];
  readonly folder: string;
  /** `HOST:PORT` of the manager. */
  address = '127.0.0.1:0';
  /** The manager's. */
  key!: PublicKey;
  /** Undefined when the manager runs in the test's own process. */
  process: ManagerProcess | undefined;
  /** Undefined when the manager is a process of its own. */
  manager: Manager | undefined;
  #number = 0;

  /** With the manager's program as a process of its own. */
  static async start(boards: number, { args = [], tracker = '-' }: RackOptions = {}): Promise<Rack> {
    const rack = await Rack.#make(boards);
    await rack.launch(args, tracker);
    return rack;
  }

  /** With a manager in this process, which does not wait as long as usual. */
  static async startQuick(boards: number, timing: Timing = {}, trackerAddress?: string): Promise<Rack> {
    const rack = await Rack.#make(boards);
    await rack.run(timing, trackerAddress);
    return rack;
  }

  static async #make(boards: number): Promise<Rack> {
    const rack = new Rack(boards, await scratchFolder());
    await rack.writeList(rack.boards);
    return rack;
  }

  private constructor(boards: number, folder: string) {
    this.folder = folder;
    this.boards = Array.from({ length: boards }, () => Identity.generate());
  }

  get listFile(): string {
    return join(this.folder, 'members');
  }

  get keyFile(): string {
    return join(this.folder, 'state', 'manager.key');
  }

  /** Starts the program, on the port that the manager had before. */
  async launch(args: string[] = [], tracker = '-'): Promise<ManagerProcess> {
    const files = ['--members', this.listFile];
    const rack = ['--rack', this.identity.publicKey];
    const manager = launchManager(['mesh.test', this.address, tracker, ...files, ...rack, ...args], {
      STATE_DIRECTORY: join(this.folder, 'state'),
    });
    const { manager: key, address } = nameIn(await manager.line(/^listening as /));
    this.key = key;
    this.address = address;
    this.process = manager;
    return manager;
  }

  /** One more manager of this rack, with a list and a key of its own. @returns how nodes name it */
  async secondManager(): Promise<{ manager: PublicKey; address: string }> {
    const state = join(this.folder, 'second');
    const list = join(this.folder, 'second-list');
    await copyFile(this.listFile, list);
    const args = ['--members', list, '--rack', this.identity.publicKey];
    const process = launchManager(['mesh.test', '127.0.0.1:0', '-', ...args], { STATE_DIRECTORY: state });
    return nameIn(await process.line(/^listening as /));
  }

  /** Starts a manager in this process, on the port that it had before. */
  async run(timing: Timing = {}, trackerAddress?: string): Promise<Manager> {
    const identity = await identityIn(this.keyFile);
    const members = { file: this.listFile, rack: this.identity.publicKey };
    const admission = new Admission({ members, peers: [], folder: join(this.folder, 'state') });
    const manager = new Manager({
      ...{ identity, domain: 'mesh.test', admission, trackerAddress, timing },
      addresses: [{ transport: tcp, address: this.address }],
    });
    await admission.start();
    await manager.start();
    onTestFinished(async () => {
      await Promise.all([admission.stop(), manager.stop()]);
    });
    this.key = identity.publicKey;
    this.address = manager.addresses[0] ?? '';
    this.manager = manager;
    return manager;
  }

  async kill(): Promise<void> {
    this.process?.child.kill('SIGKILL');
    await this.process?.exited;
  }

  /** Signs a new list, and gives it to the manager. @returns its text */
  async writeList(members: readonly Identity[], number = ++this.#number): Promise<string> {
    const text = this.sign(members, number);
    await writeFile(this.listFile, text);
    return text;
  }

  /** Signs a new list that the manager is not given. @returns its text */
  sign(members: readonly Identity[] = this.boards, number = ++this.#number): string {
    return signMembership(
      this.identity,
      number,
      members.map(({ publicKey }) => ({ board: this.boardOf(publicKey), key: publicKey, roles: ['node'] })),
    );
  }

  /** A board gets another key, which the next list has. @returns the one of before */
  replace(board: number): Identity {
    const before = this.boards[board];
    if (before === undefined) throw new Error(`there is no board ${board} in this rack`);
    this.boards[board] = Identity.generate();
    return before;
  }

  boardOf(key: PublicKey): string {
    return `board${this.boards.findIndex(({ publicKey }) => publicKey === key)}`;
  }

  /** Connects as a board. */
  async connect(board: number, options: Partial<NodeClientOptions> = {}): Promise<NodeClient> {
    const identity = this.boards[board] ?? Identity.generate();
    const client = await NodeClient.connect({
      identity,
      manager: this.key,
      address: this.address,
      ...options,
    });
    onTestFinished(() => client.close());
    return client;
  }

  /** Connects as a board, and says hello. */
  async node(board: number, options: Partial<NodeClientOptions> = {}): Promise<NodeClient> {
    const client = await this.connect(board, options);
    await client.hello();
    return client;
  }

  /** All boards. */
  async nodes(options: Partial<NodeClientOptions> = {}): Promise<NodeClient[]> {
    return Promise.all(this.boards.map((_, board) => this.node(board, options)));
  }
}

function nameIn(line: string): { manager: PublicKey; address: string } {
  const [, key = '', address = ''] = /^listening as ([0-9a-f]{64})@(\S+)$/.exec(line) ?? [];
  return { manager: parsePublicKey(key), address };
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
