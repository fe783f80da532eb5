#!/usr/bin/env node
import { type Address, formatAddress, isLoopback } from '../net/address.ts';
import { LogLimit } from '../program/log-limit.ts';
import { runProgram } from '../program/run.ts';
import { addressOf } from '../program/values.ts';
import { parseWords } from '../program/words.ts';
import { connect } from '../signal/client.ts';
import { Tracker } from './service.ts';
import { stateFile } from './store.ts';

const help = `apptracker HOST:PORT

Keeps the list of apps in the mesh: each registers its name, type, node and address for a lease, and others look it up.

HOST:PORT   where to listen, for example 127.0.0.1:20000; a PORT alone means 127.0.0.1
`;

/** How often figures are told, in milliseconds. */
const metricsIntervalMs = 10_000;

async function run(wanted: Address): Promise<void> {
  const app = await connect();
  const tracker = new Tracker({ address: wanted, stateFile: stateFile(wanted, process.env) });
  const events = new LogLimit((line) => console.log(line));
  const problems = new LogLimit((line) => console.error(line));
  tracker.on('problem', (message) => problems.say('problem', message));
  tracker.on('registered', (name) => events.say('registered', `registered ${name}`));
  tracker.on('expired', (names) => events.say('expired', `expired ${names.join(' ')}`));
  await tracker.start();

  const metrics = setInterval(() => app.metrics(tracker.metrics), metricsIntervalMs);
  app.onShutdown(async () => {
    clearInterval(metrics);
    await tracker.stop();
    for (const log of [events, problems]) log.flush();
  });
  const address = formatAddress(tracker.address);
  if (!isLoopback(tracker.address)) console.log(`other machines reach ${address}: whoever does may register`);
  console.log(`listening on ${address}`);
  app.status(`listening on ${address}`);
  app.metrics(tracker.metrics);
  app.ready();
}

function parse(argv: readonly string[]): Address {
  const { args } = parseWords(argv, { required: ['HOST:PORT'], options: {} });
  return addressOf('HOST:PORT', args['HOST:PORT']);
}

await runProgram({ name: 'apptracker', help, parse, run });
