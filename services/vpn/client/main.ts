#!/usr/bin/env node
import { formatTarget } from '../../mesh/target.ts';
import { type MeshService, runMeshApp, type Tell } from '../../program/mesh-app.ts';
import { runProgram } from '../../program/run.ts';
import { type ClientOptions, help, parseClientOptions } from './options.ts';
import { ClientService } from './service.ts';

function run(options: ClientOptions): Promise<void> {
  const { name, node } = options;
  let service: ClientService | undefined;
  const app: MeshService = {
    mesh: { name, node, type: 'vpn-client' },
    async prepare(tell) {
      service = await ClientService.prepare(options);
      listen(service, formatTarget(options.server), tell);
      await service.protect();
      tell(`looking for ${formatTarget(options.server)}`);
    },
    start: async (mesh) => service?.start(mesh),
    // A kill switch holds when the app fails: it is to be ended in order.
    stop: async (_, failed) => service?.stop({ keepKillSwitch: failed }),
    get metrics() {
      return { ...service?.metrics };
    },
  };
  return runMeshApp(app);
}

function listen(service: ClientService, server: string, tell: Tell): void {
  service.on('up', (addresses) => tell(`connected to ${server} as ${addresses.join(' and ')}`));
  service.on('down', (reason) => tell(`lost ${server}: ${reason}`));
  service.on('problem', (error) => console.error(error.message));
  service.on('lost', (error) => {
    console.error(`meshnet-vpn-client: ${error.message}`);
    void service.stop({ keepKillSwitch: true }).finally(() => process.exit(1));
  });
}

await runProgram({ name: 'meshnet-vpn-client', help, parse: parseClientOptions, run });
