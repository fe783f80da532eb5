import type { Access, Target } from '../mesh/index.ts';
import type { Address } from '../net/address.ts';
import { UsageError } from '../program/usage.ts';
import { accessOf, addressOf, registrationOf, targetOf } from '../program/values.ts';
import { parseWords } from '../program/words.ts';

export const help = `meshnet-forward NAME NODEADDR LISTEN TARGET
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

export interface Options {
  name: string;
  node: string;
  access: Access;
  end: { listen: Address; target: Target } | { to: Address };
}

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): Options {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    optional: ['LISTEN', 'TARGET'],
    options: { to: { type: 'string' }, access: { type: 'string', default: 'rack' } },
  });
  return {
    ...registrationOf(args),
    access: accessOf('--access', values.access),
    end: endOf(args, values.to),
  };
}

function endOf({ LISTEN, TARGET }: { LISTEN?: string; TARGET?: string }, to?: string): Options['end'] {
  if (to !== undefined && LISTEN === undefined) return { to: addressOf('--to', to) };
  if (to === undefined && LISTEN !== undefined && TARGET !== undefined)
    return { listen: addressOf('LISTEN', LISTEN), target: targetOf('TARGET', TARGET) };
  throw new UsageError('one of the two ends is expected: LISTEN and TARGET, or --to');
}
