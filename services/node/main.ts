#!/usr/bin/env -S MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=33554432 node --initial-old-space-size=96 --max-semi-space-size=1
// The payload that passes through would else make V8 collect all its memory every 8 MB, and glibc give each buffer back to the
// system and fetch it anew: half of the time. viscript heeds this line as env does.
import { join } from 'node:path';
import { Admitted } from '../net/admitted.ts';
import { identityIn } from '../net/key-file.ts';
import { useOpenSsl } from '../net/noise/openssl.ts';
import { LogLimit } from '../program/log-limit.ts';
import { runProgram } from '../program/run.ts';
import { connect } from '../signal/client.ts';
import { AppGateway } from './apps/gateway.ts';
import { Metering } from './metering.ts';
import { MeshNode } from './node.ts';
import { help, type Options, parseOptions } from './options.ts';

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;
const version = '1';

async function run(options: Options): Promise<void> {
  const app = await connect();
  await useOpenSsl();
  const { folder, neighbours } = options;
  const events = new LogLimit((line) => console.log(line));
  const problems = new LogLimit((line) => console.error(line));
  const notKept = (message: string) => problems.say('files', message);
  const node = new MeshNode({
    identity: await identityIn(options.keyFile),
    ...{ name: options.name, version, addresses: options.addresses, dials: options.dials },
    ...{ manager: options.manager, managerKey: options.managerKey },
    neighbours: neighbours.length === 0 ? undefined : new Set(neighbours),
    admitted: await Admitted.load({
      ...{ peers: [...options.peers, ...neighbours], rack: options.rack },
      ...{ given: options.members, kept: join(folder, 'members') },
      onProblem: notKept,
    }),
    metering: await Metering.load(join(folder, 'metering.json'), notKept),
  });
  const gateway = new AppGateway({ carrier: node, ...options.apps });
  node.on('event', (message, source) => events.say(source, message));
  node.on('problem', (message, source) => problems.say(source, message));
  gateway.on('registered', (name) => events.say(`app ${name}`, `app ${name} is here`));
  gateway.on('gone', (name, reason) => events.say(`app ${name}`, `app ${name} has gone: ${reason}`));
  gateway.on('problem', (error) => problems.say('apps', error.message));
  await node.start();
  await gateway.listen();

  const metrics = setInterval(() => app.metrics({ ...node.figures, ...gateway.figures }), metricsIntervalMs);
  app.onShutdown(async () => {
    clearInterval(metrics);
    await gateway.close();
    await node.stop();
    for (const log of [events, problems]) log.flush();
  });
  const reached = node.addresses.length === 0 ? 'no address' : node.addresses.join(', ');
  console.log(`node ${node.key} on ${reached}`);
  app.status(`${node.key.slice(0, 8)} on ${reached}`);
  app.ready();
}

await runProgram({ name: 'meshnet-node', help, parse: (argv) => parseOptions(argv, process.env), run });
