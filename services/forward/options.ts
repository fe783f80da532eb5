import { parseArgs } from 'node:util';
import { type Access, parseAccess, parseTarget, type Target } from '../mesh/index.ts';
import { type Address, parseAddress } from '../net/address.ts';

export const usage = `meshnet-forward NAME NODEADDR LISTEN TARGET
meshnet-forward NAME NODEADDR --to HOST:PORT [--access WHO]

Takes TCP connections at one node of the mesh and makes them anew at another: the first form is the end that is
connected to, the second the end that connects.

NAME            by which others reach this app
NODEADDR        app port of the node, HOST:PORT or the path of its Unix socket
LISTEN          where to take connections, HOST:PORT; a PORT alone means 127.0.0.1
TARGET          the other end: KEY/APP, or APP wherever it is

--to HOST:PORT  where to connect to for each stream that comes
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
  end: { listen: Address; target: Target } | { to: Address };
}

/** @returns undefined when help is asked for. @throws {UsageError} */
export function parseOptions(argv: readonly string[]): Options | undefined {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (values.help) return undefined;
    const [name, node, listen, target] = positionals;
    const expected = values.to === undefined ? 4 : 2;
    if (name === undefined || node === undefined || positionals.length !== expected)
      throw new UsageError(`${expected} arguments are expected, not ${positionals.length}`);
    const end =
      values.to === undefined
        ? { listen: parseAddress(listen ?? ''), target: parseTarget(target ?? '') }
        : { to: parseAddress(values.to) };
    return { name, node, access: parseAccess(values.access), end };
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${what}; give meshnet-forward NAME NODEADDR LISTEN TARGET, or NAME NODEADDR --to HOST:PORT, and see --help`,
      { cause: error },
    );
  }
}

const options = {
  to: { type: 'string' },
  access: { type: 'string', default: 'rack' },
  help: { type: 'boolean', short: 'h' },
} as const;
