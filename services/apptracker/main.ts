#!/usr/bin/env node
import { AddressError, formatAddress, isLoopback, parseAddress } from '../net/address.ts';
import { connect } from '../signal/client.ts';
import { Tracker } from './service.ts';
import { stateFile } from './store.ts';

const usage = `apptracker HOST:PORT

Keeps the list of apps in the mesh: each registers its name, type, node and address for a lease, and others look it up.

HOST:PORT   where to listen, for example 127.0.0.1:20000; a PORT alone means 127.0.0.1
`;

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

async function main(argv: string[]): Promise<void> {
  const [text, ...more] = argv;
  if (text === '--help' || text === '-h') {
    process.stdout.write(usage);
    return;
  }
  if (text === undefined || more.length > 0)
    throw new AddressError(argv.join(' '), 'one argument is expected');
  const wanted = parseAddress(text);
  const app = await connect();
  const tracker = new Tracker({ address: wanted, stateFile: stateFile(wanted, process.env) });
  tracker.on('problem', (error) => console.error(error.message));
  tracker.on('registered', (name) => console.log(`registered ${name}`));
  tracker.on('expired', (names) => console.log(`expired ${names.join(' ')}`));
  await tracker.start();

  const metrics = setInterval(() => app.metrics(tracker.metrics), metricsIntervalMs);
  app.onShutdown(async () => {
    clearInterval(metrics);
    await tracker.stop();
  });
  const address = formatAddress(tracker.address);
  if (!isLoopback(tracker.address)) console.log(`other machines reach ${address}: whoever does may register`);
  console.log(`listening on ${address}`);
  app.status(`listening on ${address}`);
  app.metrics(tracker.metrics);
  app.ready();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`apptracker: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof AddressError ? 2 : 1);
}
