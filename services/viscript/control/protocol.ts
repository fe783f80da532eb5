import {
  type Fields,
  fail,
  flag,
  nothing,
  number,
  optionalText,
  shape,
  text,
  texts,
} from '../../signal/shape.ts';

/**
 * What front ends and the supervisor say to each other on the control socket: JSON-RPC 2.0, one message a line.
 * Front end → supervisor: `control.hello`, `command.run`, `command.input`, `command.typed` at the end of what is typed,
 * `command.cancel`, `command.complete`, and `control.finish` from one that says nothing more and waits for the end of
 * what it has asked for.
 * Supervisor → front end: the notifications `command.output`, `command.bytes` for what is no text, and, when a command reads
 * what is typed, `command.reads`.
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
  /** What is wrong with the machine, a line each. */
  troubles: string[];
  /** Of a board: its place in a rack and its addresses, or what to do next, a line each. */
  place: string[];
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

export interface BytesParams {
  run: number;
  /** A file that the person has named; empty for standard output. */
  file: string;
  /** Base64. */
  data: string;
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

function stream(fields: Fields): OutputStreamName {
  const value = fields.stream;
  return value === 'stdout' || value === 'stderr' ? value : fail('stream', '"stdout" or "stderr"');
}

export const shapes = {
  nothing,
  hello: shape<Hello>((f) => ({
    version: text(f, 'version'),
    host: text(f, 'host'),
    slot: optionalText(f, 'slot'),
    slotReason: optionalText(f, 'slotReason'),
    uptime: number(f, 'uptime'),
    apps: number(f, 'apps'),
    troubles: texts(f, 'troubles'),
    place: texts(f, 'place'),
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
  bytes: shape<BytesParams>((f) => ({
    run: number(f, 'run'),
    file: text(f, 'file'),
    data: text(f, 'data'),
  })),
  runOnly: shape((f) => ({ run: number(f, 'run') })),
  complete: shape<CompleteParams>((f) => ({ words: texts(f, 'words'), word: text(f, 'word') })),
  completion: shape<Completion>((f) => ({ values: texts(f, 'values'), files: flag(f, 'files') })),
  status: shape((f) => ({ status: number(f, 'status') })),
};
