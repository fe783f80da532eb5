#!/usr/bin/env node
import { runApp, runProgram } from '../run.ts';
import { Egress, formatRule } from './egress.ts';
import { help, parseServerOptions } from './options.ts';
import { resolveBy } from './resolve.ts';
import { SocksService } from './service.ts';

async function main(argv: string[]): Promise<void> {
  const options = parseServerOptions(argv);
  if (options === undefined) {
    process.stdout.write(help);
    return;
  }
  const { name, node, access, rules } = options;
  const service = new SocksService({ egress: new Egress(rules), resolve: resolveBy() });
  for (const rule of rules) console.log(formatRule(rule));
  const clients = typeof access === 'string' ? `the ${access}` : `${access.length} keys`;
  await runApp({
    mesh: {
      ...{ name, node, access, type: 'socks-server' },
      onStream: (stream) => service.serve(stream),
      onChannel: (channel) => service.serveChannel(channel),
    },
    start: async () => `serving ${clients} as ${name}`,
    stop: (graceMs) => service.stop(graceMs),
    get metrics() {
      return service.metrics;
    },
  });
}

await runProgram('meshnet-socks-server', main);
