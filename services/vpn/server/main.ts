#!/usr/bin/env node
import { runMeshApp, type Tell } from '../../program/mesh-app.ts';
import { runProgram } from '../../program/run.ts';
import { APP_TYPE } from '../hello.ts';
import { help, parseServerOptions, type ServerOptions } from './options.ts';
import { ServerService } from './service.ts';

function run(options: ServerOptions): Promise<void> {
  const { name, node, access, device } = options;
  let service: ServerService | undefined;
  return runMeshApp({
    mesh: {
      ...{ name, node, access, type: APP_TYPE },
      onStream: (stream) => service?.onStream(stream),
      onChannel: (channel) => service?.onChannel(channel),
    },
    async prepare(tell) {
      service = await ServerService.start(options, process.env);
      listen(service, device, tell);
    },
    start: async () => console.log(`serving on ${device}`),
    status: () => `serves ${service?.clients ?? 0} clients on ${device}`,
    stop: async () => service?.stop(),
    get metrics() {
      return { ...service?.metrics };
    },
  });
}

function listen(service: ServerService, device: string, tell: Tell): void {
  const told = (what: string) => {
    console.log(what);
    tell(`serves ${service.clients} clients on ${device}`);
  };
  service.on('joined', (node, addresses) => told(`${node} joined as ${addresses.join(' and ')}`));
  service.on('left', (node) => told(`${node} left`));
  service.on('problem', (error) => console.error(error.message));
  service.on('lost', (error) => {
    console.error(`meshnet-vpn-server: ${error.message}`);
    void service.stop().finally(() => process.exit(1));
  });
}

await runProgram({ name: 'meshnet-vpn-server', help, parse: parseServerOptions, run });
