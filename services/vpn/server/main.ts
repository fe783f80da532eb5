#!/usr/bin/env node
import { MeshApp } from '../../mesh/app.ts';
import { connect } from '../../signal/client.ts';
import { APP_TYPE } from '../hello.ts';
import { UsageError } from '../usage.ts';
import { HELP, parseServerOptions } from './options.ts';
import { ServerService } from './service.ts';

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

async function main(argv: string[]): Promise<void> {
  const options = parseServerOptions(argv);
  if (options === undefined) {
    process.stdout.write(HELP);
    return;
  }
  const signal = await connect();
  const starting = new AbortController();
  const preparing = ServerService.start(options, process.env);
  let mesh: MeshApp | undefined;
  signal.onShutdown(async () => {
    starting.abort();
    // What could not be prepared has undone itself, and is told below.
    const [prepared] = await Promise.allSettled([preparing]);
    if (prepared.status === 'fulfilled') await prepared.value.stop();
    await mesh?.close();
  });
  const service = await preparing;
  const tell = () => signal.status(`serves ${service.clients} clients on ${options.device}`);
  service.on('joined', (node, addresses) => {
    console.log(`${node} joined as ${addresses.join(' and ')}`);
    tell();
  });
  service.on('left', (node) => {
    console.log(`${node} left`);
    tell();
  });
  service.on('problem', (error) => console.error(error.message));
  service.on('lost', (error) => {
    console.error(`meshnet-vpn-server: ${error.message}`);
    void service.stop().finally(() => process.exit(1));
  });
  try {
    const { name, node, access } = options;
    mesh = await MeshApp.start({
      ...{ name, node, access, type: APP_TYPE, signal: starting.signal },
      onProblem: (message) => console.error(message),
      onStream: (stream) => service.onStream(stream),
      onChannel: (channel) => service.onChannel(channel),
    });
  } catch (error) {
    if (starting.signal.aborted) return;
    await service.stop();
    throw error;
  }
  mesh.on('problem', (message) => console.error(message));
  signal.metrics(service.metrics);
  setInterval(() => signal.metrics(service.metrics), metricsIntervalMs).unref();
  console.log(`serving on ${options.device}`);
  tell();
  signal.ready();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`meshnet-vpn-server: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
