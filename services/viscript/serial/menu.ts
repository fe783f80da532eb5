import { printable } from '../commands/format.ts';
import { findWayBack, goBack, NoWayBack } from '../config/last-good.ts';
import { textDiff } from '../config/text-diff.ts';
import { exitStatus } from '../control/protocol.ts';
import { lastWords, type RescueCommands, runCommand, unitState } from './rescue.ts';

export interface RescueMenuOptions {
  commands: RescueCommands;
  /** Where the config is. Without it nothing is said of a config. */
  config?: RescueConfig;
  /** Has the next start take the other slot, and returns its name. Left out where nobody can. */
  otherSlot?: () => Promise<string>;
}

export interface RescueConfig {
  /** The file in force; it may be another one after going back. */
  file: () => string;
  /** What is wrong with a config file, a problem a line; undefined when nothing is. */
  check: (file: string) => Promise<string | undefined>;
  /** Where the last good config is kept, and the folder of files that may be changed. */
  lastGood: string;
  folder: string;
}

type Out = (text: string) => Promise<void>;
type Input = AsyncIterable<string>;

interface MenuCommand {
  help: string;
  run(out: Out, signal: AbortSignal, input: Input): Promise<number | 'quit'>;
}

/** What helps while the supervisor is down: a few commands, by their names. */
export class RescueMenu {
  readonly #o: RescueMenuOptions;
  readonly #commands: ReadonlyMap<string, MenuCommand>;
  #shellWanted = false;

  constructor(options: RescueMenuOptions) {
    this.#o = options;
    this.#commands = new Map(Object.entries(this.#table()));
  }

  get names(): string[] {
    return [...this.#commands.keys(), 'help'];
  }

  get help(): string {
    const lines = [...this.#commands].map(([name, { help }]) => `  ${name.padEnd(10)}${help}`);
    return ['Waiting for viscript; it is connected as soon as it answers. Meanwhile:', ...lines].join('\n');
  }

  /** Whether the session ended because somebody wants a shell. Asked once. */
  takeShellWanted(): boolean {
    const wanted = this.#shellWanted;
    this.#shellWanted = false;
    return wanted;
  }

  /** Why the supervisor does not run, and the last lines of its log. Never rejects. */
  async why(): Promise<string> {
    const { commands } = this.#o;
    const [unit, log, config] = await Promise.all([
      unitState(commands),
      lastWords(commands),
      this.#configProblem(),
    ]);
    return printable(
      [unit, ...(config === undefined ? [] : [config]), 'The end of its log:', log].join('\n'),
    );
  }

  async run(words: readonly string[], out: Out, signal: AbortSignal, input: Input): Promise<number | 'quit'> {
    const [word = ''] = words;
    if (LEAVING.has(word)) return 'quit';
    if (['help', 'h', '?'].includes(word)) {
      await out(`${this.help}\n`);
      return exitStatus.done;
    }
    const command = this.#commands.get(word);
    if (command !== undefined) return command.run(out, signal, input);
    await out(`viscript is not running. Only these work until it is back: ${this.names.join(', ')}\n`);
    return exitStatus.noSupervisor;
  }

  #table(): Record<string, MenuCommand> {
    const { commands } = this.#o;
    const runs = (name: 'restart' | 'reboot' | 'poweroff', help: string): MenuCommand => ({
      help,
      run: (out, signal) => runCommand(commands[name], out, signal),
    });
    return {
      why: {
        help: 'why it is down, and the end of its log',
        run: async (out) => {
          await out(`${await this.why()}\n`);
          return exitStatus.done;
        },
      },
      previous: {
        help: 'go back to the config that worked last; shows first what changes',
        run: (out, signal, input) => this.#previous(out, signal, input),
      },
      restart: runs('restart', 'start viscript again'),
      reboot: runs('reboot', 'restart the whole board'),
      other: {
        help: 'restart the board from its other slot, once',
        run: (out, signal, input) => this.#other(out, signal, input),
      },
      poweroff: runs('poweroff', 'switch the board off'),
      shell: {
        help: "a shell, for the holder of the console's passphrase",
        run: async () => {
          this.#shellWanted = true;
          return 'quit';
        },
      },
      logout: { help: 'leave', run: async () => 'quit' },
    };
  }

  async #configProblem(): Promise<string | undefined> {
    const { config } = this.#o;
    if (config === undefined) return undefined;
    const file = config.file();
    try {
      const problem = await config.check(file);
      return problem === undefined ? `its config ${file} can be read` : `its config is wrong: ${problem}`;
    } catch (error) {
      return `its config ${file} cannot be looked at: ${messageOf(error)}`;
    }
  }

  async #previous(out: Out, signal: AbortSignal, input: Input): Promise<number> {
    const { config, commands } = this.#o;
    try {
      if (config === undefined) throw new NoWayBack('nothing is known of a config here');
      const way = await findWayBack(config.lastGood, config.file(), config.folder);
      if (way.after === undefined)
        await out(`${way.file} goes, and the config that worked is in force again.\n`);
      else await out(`${printable(textDiff(way.before ?? '', way.after).join('\n'))}\n`);
      await out(`What is there now is kept as ${way.aside}.\n`);
      if (!(await isConfirmed('Go back to it?', out, input))) return exitStatus.failed;
      await goBack(way);
      return await runCommand(commands.restart, out, signal);
    } catch (error) {
      return refuse(out, error);
    }
  }

  async #other(out: Out, signal: AbortSignal, input: Input): Promise<number> {
    const { otherSlot, commands } = this.#o;
    try {
      if (otherSlot === undefined) throw new Error('there are no slots here');
      await out('Unless the other slot proves good, the start after that one is of this slot again.\n');
      if (!(await isConfirmed('Restart the board from it?', out, input))) return exitStatus.failed;
      await out(`starting slot ${await otherSlot()}\n`);
      return await runCommand(commands.reboot, out, signal);
    } catch (error) {
      return refuse(out, error);
    }
  }
}

const LEAVING = new Set(['exit', 'logout']);

async function isConfirmed(question: string, out: Out, input: Input): Promise<boolean> {
  await out(`${question} Type yes: `);
  for await (const line of input) return line.trim() === 'yes';
  return false;
}

async function refuse(out: Out, error: unknown): Promise<number> {
  await out(`error: ${messageOf(error)}\n`);
  return exitStatus.failed;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
