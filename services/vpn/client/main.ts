#!/usr/bin/env node
import { MeshApp } from '../../mesh/app.ts';
import { formatTarget } from '../../mesh/target.ts';
import { connect } from '../../signal/client.ts';
import { UsageError } from '../usage.ts';
import { HELP, parseClientOptions } from './options.ts';
import { ClientService } from './service.ts';

/** The type under which clients register in the mesh. */
const APP_TYPE = 'vpn-client';

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

async function main(argv: string[]): Promise<void> {
  const options = parseClientOptions(argv);
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const signal = await connect();
  const starting = new AbortController();
  const preparing = ClientService.prepare(options);
  let mesh: MeshApp | undefined;
  signal.onShutdown(async () => {
    starting.abort();
    // What could not be prepared has undone itself, and is told below.
    const [prepared] = await Promise.allSettled([preparing]);
    if (prepared.status === 'fulfilled') await prepared.value.stop();
    await mesh?.close();
  });
  const service = await preparing;
  const server = formatTarget(options.server);
  const tell = (text: string) => {
    console.log(text);
    signal.status(text);
  };
  service.on('up', (addresses) => tell(`connected to ${server} as ${addresses.join(' and ')}`));
  service.on('down', (reason) => tell(`lost ${server}: ${reason}`));
  service.on('problem', (error) => console.error(error.message));
  service.on('lost', (error) => {
    console.error(`meshnet-vpn-client: ${error.message}`);
    void service.stop({ keepKillSwitch: true }).finally(() => process.exit(1));
  });
  await service.protect();
  tell(`looking for ${server}`);
  mesh = await startMesh(options, starting.signal);
  if (mesh === undefined) return;
  mesh.on('problem', (message) => console.error(message));
  service.start(mesh);
  signal.metrics(service.metrics);
  setInterval(() => signal.metrics(service.metrics), metricsIntervalMs).unref();
  signal.ready();
}

/** @returns nothing when the app is stopped before its node was there */
async function startMesh(
  { name, node }: { name: string; node: string },
  signal: AbortSignal,
): Promise<MeshApp | undefined> {
  try {
    const onProblem = (message: string) => console.error(message);
    return await MeshApp.start({ node, name, type: APP_TYPE, onProblem, signal });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`meshnet-vpn-client: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
