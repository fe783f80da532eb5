#!/usr/bin/env node
import { runMeshApp } from '../../program/mesh-app.ts';
import { runProgram } from '../../program/run.ts';
import { Egress, formatRule } from './egress.ts';
import { help, parseServerOptions, type ServerOptions } from './options.ts';
import { resolveBy } from './resolve.ts';
import { SocksService } from './service.ts';

async function run({ name, node, access, rules }: ServerOptions): Promise<void> {
  const service = new SocksService({ egress: new Egress(rules), resolve: resolveBy() });
  for (const rule of rules) console.log(formatRule(rule));
  const clients = typeof access === 'string' ? `the ${access}` : `${access.length} keys`;
  await runMeshApp({
    mesh: {
      ...{ name, node, access, type: 'socks-server' },
      onStream: (stream) => service.serve(stream, stream.remote.node),
      onChannel: (channel) => service.serveChannel(channel),
    },
    status: () => `serving ${clients} as ${name}`,
    stop: (graceMs) => service.stop(graceMs),
    get metrics() {
      return service.metrics;
    },
  });
}

await runProgram({ name: 'meshnet-socks-server', help, parse: parseServerOptions, run });
