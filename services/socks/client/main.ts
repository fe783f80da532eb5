#!/usr/bin/env -S node --initial-old-space-size=96 --max-semi-space-size=1
// These flags: what passes through would else make V8 collect all its memory every few megabytes. viscript heeds them.
import type { MeshApp } from '../../mesh/app.ts';
import { formatTarget } from '../../mesh/target.ts';
import { MeshError } from '../../mesh/types.ts';
import { formatAddress, isLoopback } from '../../net/address.ts';
import { runApp, runProgram } from '../run.ts';
import { SocksListener } from './listener.ts';
import { help, parseClientOptions } from './options.ts';
import { Users } from './users.ts';

async function main(argv: string[]): Promise<void> {
  const options = parseClientOptions(argv);
  if (options === undefined) {
    process.stdout.write(help);
    return;
  }
  const { name, node, server, usersFile, listen } = options;
  const users = usersFile === undefined ? undefined : await Users.read(usersFile);
  let mesh: MeshApp | undefined;
  const attached = () => mesh ?? absent(node);
  const listener = new SocksListener({
    address: listen,
    users,
    outlet: {
      connect: async (signal) => attached().connect(server, { signal }),
      connectChannel: async (signal) => attached().connectChannel(server, { signal }),
    },
  });
  await runApp(async () => {
    await listener.start();
    const address = formatAddress(listener.address);
    if (!isLoopback(listener.address)) {
      const who = users ? 'whoever knows a password' : 'whoever does';
      console.error(`warning: other machines reach ${address}, and ${who} may use this proxy`);
    }
    return {
      mesh: { name, node, type: 'socks-client' },
      onMesh: (app) => {
        mesh = app;
      },
      status: `listening on ${address}, leaving at ${formatTarget(server)}`,
      get metrics() {
        return listener.metrics;
      },
      stop: (graceMs) => listener.stop(graceMs),
    };
  });
}

function absent(node: string): never {
  throw new MeshError('node-lost', `the node on ${node} has not answered yet`);
}

await runProgram('meshnet-socks-client', main);
