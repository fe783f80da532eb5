import type { SlotsStatus } from '../../slots/status.ts';
import type { LastEnd } from '../last-end.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import type { Temperature } from '../temperatures.ts';

/** What the supervisor's surroundings tell the commands. */
export interface Machine {
  version: string;
  host: string;
  slot: string | undefined;
  slotReason: string | undefined;
  /** How the supervisor before this one ended, when that was not as it should. */
  lastEnd: LastEnd | undefined;
  /** Seconds since the machine started. */
  uptime(): number;
  /** What its sensors say; none where it has none. */
  temperatures(): Promise<Temperature[]>;
  /** What is wrong with it, a line each. */
  troubles(): Promise<string[]>;
  /** Of a board: its place in a rack and its addresses, or what to do next, a line each. */
  place?(): Promise<string[]>;
  /** How it stands with its slots; undefined where there are none. Never rejects. */
  slots(): Promise<SlotsStatus | undefined>;
}

/** One run of a command: where it writes, what it may read, how it is cancelled. */
export interface CommandContext {
  supervisor: Supervisor;
  machine: Machine;
  /** Words after the command's name, options taken out. */
  args: string[];
  /** Options that were given, by their names without dashes; `true` where one takes no value. */
  options: ReadonlyMap<string, string | true>;
  json: boolean;
  color: boolean;
  /** Width of the terminal in columns; 0 where there is none. */
  columns: number;
  /** Aborted when the person presses Ctrl-C or the front end goes away. */
  signal: AbortSignal;
  /** What the person types while the command runs. */
  input: AsyncIterable<string>;
  /** Writes one result: its text to a person, the data as one line of JSON to a program. */
  put(data: unknown, text: string): void;
  /** Writes raw text; left out where the output is JSON. */
  text(text: string): void;
  /** Sends bytes to the front end's standard output, or for it to write to a file that the person has named. */
  bytes(file: string, data: Buffer): void;
  /** Resolves when the front end has taken what was written so far: for commands that write without end. */
  drained(): Promise<void>;
  /** Ends viscript itself once the command's answer is out. */
  quit(): void;
}

export interface CommandOption {
  /** With its dashes: `-f`, `--json`. */
  flag: string;
  /** Another spelling. */
  long?: string;
  /** Name of the option's value; none where it takes no value. */
  value?: string;
  help: string;
}

export type CompletionKind = 'app' | 'id' | 'id or app' | 'command' | 'file';

export interface Command {
  name: string;
  aliases: readonly string[];
  /** Arguments as the help shows them: `ID`, `[APP]`, `APP [ARGUMENT…]`. */
  usage: string;
  /** Fewest and most arguments. */
  arity: readonly [number, number];
  summary: string;
  /** What the one-line summary leaves out. */
  help?: string;
  options?: readonly CommandOption[];
  /** Options end at the first argument, the rest belongs to the app. */
  passesArguments?: boolean;
  /** What fits at each argument; the last one holds for all that follow. */
  completes?: readonly CompletionKind[];
  /** @returns the exit status where it is not 0 */
  run(context: CommandContext): Promise<number | undefined> | number | undefined;
}

/** The person used a command wrongly: exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command could not do what it was asked: exit status 1. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}
