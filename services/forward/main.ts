#!/usr/bin/env node
import { formatTarget } from '../mesh/index.ts';
import { type Address, formatAddress } from '../net/address.ts';
import { LogLimit } from '../program/log-limit.ts';
import { type MeshService, runMeshApp } from '../program/mesh-app.ts';
import { runProgram } from '../program/run.ts';
import { Entrance } from './entrance.ts';
import { passOut } from './exit.ts';
import { help, type Options, parseOptions } from './options.ts';

function run({ end, ...app }: Options): Promise<void> {
  const mesh = { ...app, type: 'forward' };
  return runMeshApp('to' in end ? exitOf(mesh, end.to) : entranceOf(mesh, end));
}

function exitOf(mesh: MeshService['mesh'], to: Address): MeshService {
  const problems = new LogLimit((line) => console.error(line));
  return {
    mesh: {
      ...mesh,
      onStream: (stream) =>
        passOut(stream, to).catch((error: Error) => {
          problems.say(stream.remote.node, error.message);
          throw error;
        }),
    },
    status: ({ node }) => `${node}/${mesh.name} leads to ${formatAddress(to)}`,
    stop: async () => problems.flush(),
  };
}

function entranceOf(
  mesh: MeshService['mesh'],
  { listen, target }: Extract<Options['end'], { listen: Address }>,
): MeshService {
  let entrance: Entrance | undefined;
  let address = '';
  const problems = new LogLimit((line) => console.error(line));
  return {
    mesh,
    async start(app) {
      entrance = new Entrance(app, target, (message) => problems.say('connections', message));
      address = await entrance.listen(listen);
    },
    status: () => `${address} leads to ${formatTarget(target)}`,
    async stop() {
      entrance?.close();
      problems.flush();
    },
  };
}

await runProgram({ name: 'meshnet-forward', help, parse: parseOptions, run });
