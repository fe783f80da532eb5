import type { Target } from '../../mesh/types.ts';
import type { Address } from '../../net/address.ts';
import { addressOf, numberOf, registrationOf, targetOf } from '../../program/values.ts';
import { parseWords } from '../../program/words.ts';

export const help = `meshnet-socks-client NAME NODEADDR [PORT] [OPTIONS]

A SOCKS5 proxy on this machine, whose connections leave the mesh at a meshnet-socks-server at another node. Names are
resolved there too.

NAME       name of this app in the mesh
NODEADDR   HOST:PORT of the node's app port, or the path of its Unix socket
PORT       where programs connect, on 127.0.0.1 (default 1080)

--server KEY/APP     the server: an app at the node with this key, or its NAME alone (default sockssrv0)
--listen HOST:PORT   where programs connect, in place of 127.0.0.1:PORT
--users FILE         lines of NAME:PASSWORD, one of which a program has to know; nobody else may read the file. After
                     ten wrong passwords in a minute no more are taken from the same address for the rest of it

Try it with: curl --socks5-hostname 127.0.0.1:1080 https://example.org/
`;

/** The port that programs try when they are told of none. */
const defaultPort = 1080;

export interface ClientOptions {
  name: string;
  node: string;
  server: Target;
  listen: Address;
  usersFile: string | undefined;
}

/** @throws {UsageError} */
export function parseClientOptions(argv: readonly string[]): ClientOptions {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    optional: ['PORT'],
    options: {
      server: { type: 'string', default: 'sockssrv0' },
      listen: { type: 'string' },
      users: { type: 'string' },
    },
  });
  const port = args.PORT === undefined ? defaultPort : numberOf('PORT', args.PORT, 0, 65_535);
  return {
    ...registrationOf(args),
    server: targetOf('--server', values.server),
    listen: values.listen === undefined ? { host: '127.0.0.1', port } : addressOf('--listen', values.listen),
    usersFile: values.users,
  };
}
