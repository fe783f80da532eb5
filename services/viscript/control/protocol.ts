/**
 * What front ends and the supervisor say to each other on the control socket: JSON-RPC 2.0, one message a line.
 * Front end → supervisor: `control.hello`, `command.run`, `command.input`, `command.cancel`, `command.complete`.
 * Supervisor → front end: the notifications `command.output` and, when a command reads what is typed, `command.reads`.
 *
 * The checks are written by hand: the command line tool loads this file at every call, and a schema library would cost
 * it more time than the call itself.
 */

/** Exit statuses of a command, the same in every front end. */
export const exitStatus = { done: 0, failed: 1, usage: 2, noSupervisor: 3 } as const;

/** Deadline of what the supervisor answers from memory, in milliseconds. */
export const answerTimeoutMs = 10_000;

export type OutputStreamName = 'stdout' | 'stderr';

export interface Hello {
  version: string;
  host: string;
  /** The slot the board was started from (`A` or `B`); undefined where there are no slots. */
  slot?: string | undefined;
  /** Why the boot script did not take the first slot of its order; undefined when it did. */
  slotReason?: string | undefined;
  /** Seconds since the machine started. */
  uptime: number;
  /** Launches that are not over. */
  apps: number;
}

export interface RunParams {
  /** Names this run in `command.output`, `command.input` and `command.cancel`; chosen by the front end. */
  run: number;
  argv: string[];
  json: boolean;
  /** Width of the terminal in columns; 0 where there is none. */
  columns: number;
  color: boolean;
}

export interface OutputParams {
  run: number;
  stream: OutputStreamName;
  text: string;
}

export interface InputParams {
  run: number;
  data: string;
}

export interface CompleteParams {
  /** The words before the one being typed. */
  words: string[];
  /** The word being typed. */
  word: string;
}

export interface Completion {
  values: string[];
  /** File names of the front end's machine fit here too. */
  files: boolean;
}

/** Checks one shape at the edge; fits {@link import('../../signal/jsonrpc.ts').Peer}. */
export interface Shape<T> {
  parse(value: unknown): T;
}

export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

type Fields = Record<string, unknown>;

function shape<T>(read: (fields: Fields) => T): Shape<T> {
  return {
    parse(value) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw new ShapeError('expected an object');
      }
      return read(value as Fields);
    },
  };
}

function fail(field: string, wanted: string): never {
  throw new ShapeError(`${field}: expected ${wanted}`);
}

function text(fields: Fields, field: string): string {
  const value = fields[field];
  return typeof value === 'string' ? value : fail(field, 'a string');
}

function optionalText(fields: Fields, field: string): string | undefined {
  return fields[field] === undefined ? undefined : text(fields, field);
}

function number(fields: Fields, field: string): number {
  const value = fields[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : fail(field, 'a number');
}

function flag(fields: Fields, field: string): boolean {
  const value = fields[field];
  return typeof value === 'boolean' ? value : fail(field, 'true or false');
}

function texts(fields: Fields, field: string): string[] {
  const value = fields[field];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    fail(field, 'a list of strings');
  return value;
}

function stream(fields: Fields): OutputStreamName {
  const value = fields.stream;
  return value === 'stdout' || value === 'stderr' ? value : fail('stream', '"stdout" or "stderr"');
}

export const shapes = {
  nothing: shape(() => ({})),
  hello: shape<Hello>((f) => ({
    version: text(f, 'version'),
    host: text(f, 'host'),
    slot: optionalText(f, 'slot'),
    slotReason: optionalText(f, 'slotReason'),
    uptime: number(f, 'uptime'),
    apps: number(f, 'apps'),
  })),
  run: shape<RunParams>((f) => ({
    run: number(f, 'run'),
    argv: texts(f, 'argv'),
    json: flag(f, 'json'),
    columns: number(f, 'columns'),
    color: flag(f, 'color'),
  })),
  output: shape<OutputParams>((f) => ({ run: number(f, 'run'), stream: stream(f), text: text(f, 'text') })),
  input: shape<InputParams>((f) => ({ run: number(f, 'run'), data: text(f, 'data') })),
  runOnly: shape((f) => ({ run: number(f, 'run') })),
  complete: shape<CompleteParams>((f) => ({ words: texts(f, 'words'), word: text(f, 'word') })),
  completion: shape<Completion>((f) => ({ values: texts(f, 'values'), files: flag(f, 'files') })),
  status: shape((f) => ({ status: number(f, 'status') })),
};
