import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { StepError, type Steps } from '../steps.ts';
import { BoardError, type QemuBoard, type QemuBoardOptions } from './board.ts';
import { type Booted, bootBoard } from './boot.ts';
import { bootAll } from './boot-all.ts';
import { Hub } from './hub.ts';
import { hubCommand } from './run-hub.ts';

/** What the caller knows of the boards of a rack. */
export interface EmulatedBoards {
  /** Hardware address of a board's card on the hub. */
  macOf(name: string): string;
  /** What a board is made of, but for its place on the hub. Its disk is made when there is none. */
  machineOf(name: string): Promise<QemuBoardOptions>;
  /** Told whenever a board has come into service or has been switched off, with all that run. */
  running(boards: readonly QemuBoard[]): Promise<void>;
  /** A line about a board that is in service. */
  describe(board: QemuBoard): string;
}

export interface RunRackOptions {
  /** Whose names are switched on at first. */
  names: readonly string[];
  boards: EmulatedBoards;
  /** Unix socket of the hub; in a path of at most 107 bytes. */
  hub: string;
  steps: Steps;
  /** Commands, one a line. */
  input: Readable;
  output: Writable;
  /** Aborting it shuts the boards down, as the end of the input does. */
  signal: AbortSignal;
}

const HELP = `off BOARD: press its power button · on BOARD: switch it on, with a new disk where there is none
The name of a board does for its MAC: `;

/**
 * Boots boards of a rack, wired together by a hub, and does what each line of the input asks for: a board off or on, a fault
 * of the hub. At the end of the input all are shut down cleanly. Nothing is left running on any way out.
 *
 * @throws StepError when a board does not boot at first, or does not shut down in the end; BoardError when boards run on
 *   that hub already
 */
export async function runRack(options: RunRackOptions): Promise<void> {
  await using rack = new RunningRack(await listen(options.hub), options);
  await rack.bootAll(options.names);
  const { input, output, signal } = options;
  output.write(`${rack.help()}\nThe end of the input (Ctrl-D) shuts the boards down.\n`);
  for await (const text of createInterface({ input, signal })) {
    const words = text.trim().split(/\s+/);
    if (words[0] !== '') await rack.command(words);
  }
  await rack.powerOffAll();
}

async function listen(path: string): Promise<Hub> {
  try {
    return await Hub.listen(path);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) throw cause;
    throw new BoardError(`boards of this rack run already, on ${path}: 'on BOARD' there starts others`, {
      cause,
    });
  }
}

class RunningRack {
  readonly #hub: Hub;
  readonly #options: RunRackOptions;
  readonly #running = new Map<string, Booted>();

  constructor(hub: Hub, options: RunRackOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  help(): string {
    return HELP + hubCommand(this.#hub, ['help']);
  }

  async bootAll(names: readonly string[]): Promise<void> {
    const booted = await bootAll(names, this.#options.signal, (name, signal) => this.#boot(name, signal));
    await this.#tellRunning();
    for (const { board } of booted) this.#tell(board);
  }

  async powerOffAll(): Promise<void> {
    await this.#options.steps.step(
      'Shut down',
      'Its disk may need the check that the next boot does.',
      async () => {
        await Promise.all([...this.#running.values()].map(({ board }) => board.powerOff()));
      },
    );
  }

  async command([verb = '', ...words]: readonly string[]): Promise<void> {
    const { boards, output } = this.#options;
    const [name = ''] = words;
    try {
      if (verb === 'on') await this.#on(name);
      else if (verb === 'off') await this.#off(name);
      else if (verb === 'help') output.write(`${this.help()}\n`);
      else {
        const mac = this.#running.has(name) ? boards.macOf(name) : name;
        output.write(`${hubCommand(this.#hub, [verb, mac, ...words.slice(1)])}\n`);
      }
    } catch (error) {
      // It has been shown, and the other boards go on.
      if (!(error instanceof StepError)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((booted) => booted[Symbol.asyncDispose]()));
    await this.#hub.close();
  }

  async #on(name: string): Promise<void> {
    if (this.#running.has(name)) {
      this.#options.output.write(`${name} is on: 'off ${name}' first\n`);
      return;
    }
    const { board } = await this.#boot(name, this.#options.signal);
    await this.#tellRunning();
    this.#tell(board);
  }

  async #off(name: string): Promise<void> {
    const { steps, output } = this.#options;
    const booted = this.#running.get(name);
    if (booted === undefined) {
      output.write(`${name} is not on; on are: ${[...this.#running.keys()].join(', ') || 'none'}\n`);
      return;
    }
    await steps.step(`Switch ${name} off`, 'Look what it says on its boot console, and try again.', () =>
      booted.board.powerOff(),
    );
    this.#running.delete(name);
    await booted[Symbol.asyncDispose]();
    await this.#tellRunning();
  }

  async #boot(name: string, signal: AbortSignal): Promise<Booted> {
    const { boards, steps } = this.#options;
    const hub = { path: this.#hub.path, mac: boards.macOf(name) };
    const made = await steps.step(
      `Make or find the disk of ${name}`,
      'Correct what it says, and try again.',
      () => boards.machineOf(name),
    );
    const booted = await bootBoard({ title: `Boot ${name}`, steps, signal, machine: { ...made, hub } });
    // For whoever opens it next: a line has one reader.
    await booted.line.close();
    await booted.board.giveWay();
    this.#running.set(name, booted);
    return booted;
  }

  #tellRunning(): Promise<void> {
    return this.#options.boards.running([...this.#running.values()].map(({ board }) => board));
  }

  #tell(board: QemuBoard): void {
    this.#options.output.write(`  ${this.#options.boards.describe(board)}\n`);
  }
}
