#!/usr/bin/env node
import { formatTarget } from '../../mesh/target.ts';
import { type Address, formatAddress, isLoopback } from '../../net/address.ts';
import { runMeshApp } from '../../program/mesh-app.ts';
import { runProgram } from '../../program/run.ts';
import { SocksListener } from './listener.ts';
import { type ClientOptions, help, parseClientOptions } from './options.ts';
import type { Outlet } from './outlet.ts';
import { Users } from './users.ts';

async function run({ name, node, server, usersFile, listen }: ClientOptions): Promise<void> {
  const users = usersFile === undefined ? undefined : await Users.read(usersFile);
  let listener: SocksListener | undefined;
  await runMeshApp({
    mesh: { name, node, type: 'socks-client' },
    async start(mesh) {
      const outlet: Outlet = {
        connect: (signal) => mesh.connect(server, { signal }),
        connectChannel: (signal) => mesh.connectChannel(server, { signal }),
      };
      listener = new SocksListener({ address: listen, users, outlet });
      await listener.start();
      warn(listener.address, users);
    },
    status: () =>
      `listening on ${formatAddress(listener?.address ?? listen)}, leaving at ${formatTarget(server)}`,
    stop: async (graceMs) => listener?.stop(graceMs),
    get metrics() {
      return { ...listener?.metrics };
    },
  });
}

function warn(address: Address, users: Users | undefined): void {
  if (isLoopback(address)) return;
  const who = users ? 'whoever knows a password' : 'whoever does';
  console.error(`warning: other machines reach ${formatAddress(address)}, and ${who} may use this proxy`);
}

await runProgram({ name: 'meshnet-socks-client', help, parse: parseClientOptions, run });
