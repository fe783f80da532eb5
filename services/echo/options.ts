import type { Access, Target } from '../mesh/index.ts';
import { accessOf, numberOf, registrationOf, targetOf } from '../program/values.ts';
import { parseWords } from '../program/words.ts';

export const help = `meshnet-echo NAME NODEADDR [--access WHO]
meshnet-echo NAME NODEADDR --to TARGET [--count N] [--bytes N]

Returns what it gets over the mesh; with --to, sends something to one that does and says how long it took.

NAME            by which others reach this app
NODEADDR        app port of the node, HOST:PORT or the path of its Unix socket

--to TARGET     the app to measure: KEY/APP, or APP wherever it is
--count N       round trips to measure, 1 to 1000; 5 when left out
--bytes N       bytes that go there and back, 1 to 65536; 64 when left out
--access WHO    who may use it: rack, mesh, or keys with commas between them; rack when left out
`;

export interface Options {
  name: string;
  node: string;
  access: Access;
  /** Undefined for the end that returns what it gets. */
  to: Target | undefined;
  count: number;
  bytes: number;
}

/** @throws {UsageError} */
export function parseOptions(argv: readonly string[]): Options {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    options: {
      to: { type: 'string' },
      count: { type: 'string', default: '5' },
      bytes: { type: 'string', default: '64' },
      access: { type: 'string', default: 'rack' },
    },
  });
  return {
    ...registrationOf(args),
    access: accessOf('--access', values.access),
    to: values.to === undefined ? undefined : targetOf('--to', values.to),
    count: numberOf('--count', values.count, 1, 1_000),
    bytes: numberOf('--bytes', values.bytes, 1, 65_536),
  };
}
