import { parseArgs } from 'node:util';
import { type Access, parseAccess, parseTarget, type Target } from '../mesh/index.ts';

export const usage = `meshnet-echo NAME NODEADDR [--access WHO]
meshnet-echo NAME NODEADDR --to TARGET [--count N] [--bytes N]

Returns what it gets over the mesh; with --to, sends something to one that does and says how long it took.

NAME            by which others reach this app
NODEADDR        app port of the node, HOST:PORT or the path of its Unix socket

--to TARGET     the app to measure: KEY/APP, or APP wherever it is
--count N       round trips to measure, 1 to 1000; 5 when left out
--bytes N       bytes that go there and back, 1 to 65536; 64 when left out
--access WHO    who may use it: rack, mesh, or keys with commas between them; rack when left out
`;

/** The command line is not one that the app takes. The process ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface Options {
  name: string;
  node: string;
  access: Access;
  /** Undefined for the end that returns what it gets. */
  to: Target | undefined;
  count: number;
  bytes: number;
}

/** @returns undefined when help is asked for. @throws {UsageError} */
export function parseOptions(argv: readonly string[]): Options | undefined {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (values.help) return undefined;
    const [name, node, ...more] = positionals;
    if (name === undefined || node === undefined || more.length > 0)
      throw new UsageError(`two arguments are expected, not ${positionals.length}`);
    return {
      ...{ name, node, access: parseAccess(values.access) },
      to: values.to === undefined ? undefined : parseTarget(values.to),
      count: numberOf('--count', values.count, 1_000),
      bytes: numberOf('--bytes', values.bytes, 65_536),
    };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${what}; give meshnet-echo NAME NODEADDR [--to TARGET], and see --help`, {
      cause: error,
    });
  }
}

const options = {
  to: { type: 'string' },
  count: { type: 'string', default: '5' },
  bytes: { type: 'string', default: '64' },
  access: { type: 'string', default: 'rack' },
  help: { type: 'boolean', short: 'h' },
} as const;

function numberOf(option: string, text: string, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && number <= most) return number;
  throw new UsageError(`${option} ${text}: give a whole number from 1 to ${most}`);
}
