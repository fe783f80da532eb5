import type { Access } from '../../mesh/types.ts';
import { part } from '../../program/usage.ts';
import { accessOf, registrationOf } from '../../program/values.ts';
import { parseWords } from '../../program/words.ts';
import { parseRule, type Rule } from './egress.ts';

export const help = `meshnet-socks-server NAME NODEADDR [PORT] [OPTIONS]

Opens connections and sends datagrams for each meshnet-socks-client in the mesh that it accepts, and resolves names
for them.

NAME       name of this app in the mesh
NODEADDR   HOST:PORT of the node's app port, or the path of its Unix socket
PORT       taken for the sake of old command lines; streams come from the node, and the server listens on no port

--accept WHO     whose clients are served: rack (the default), mesh, or KEY,KEY,...
--allow NETWORK  lets connections go to CIDR or CIDR:PORT; IPv6 with a port is [CIDR]:PORT. May be given several times
--deny NETWORK   lets none go there. May be given several times

Closed are, until they are allowed, this machine's own addresses, loopback, private, link-local and multicast networks,
and all else that is not of the public internet. Of all rules that fit, the narrowest network decides; names are
judged by the addresses that they resolve to.
`;

export interface ServerOptions {
  name: string;
  node: string;
  access: Access;
  rules: Rule[];
}

/** @throws {UsageError} */
export function parseServerOptions(argv: readonly string[]): ServerOptions {
  const { args, values } = parseWords(argv, {
    required: ['NAME', 'NODEADDR'],
    optional: ['PORT'],
    options: {
      accept: { type: 'string', default: 'rack' },
      allow: { type: 'string', multiple: true, default: [] },
      deny: { type: 'string', multiple: true, default: [] },
    },
  });
  const rules = [
    ...values.allow.map((text) => part('--allow', () => parseRule(true, text))),
    ...values.deny.map((text) => part('--deny', () => parseRule(false, text))),
  ];
  return { ...registrationOf(args), access: accessOf('--accept', values.accept), rules };
}
