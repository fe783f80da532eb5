#!/usr/bin/env node
import { serveMetrics } from '../metrics/server.ts';
import { isLoopback, parseAddress } from '../net/address.ts';
import { identityIn } from '../net/key-file.ts';
import { tcp } from '../net/transport/tcp.ts';
import { webSocket } from '../net/transport/websocket.ts';
import { LogLimit } from '../program/log-limit.ts';
import { runProgram } from '../program/run.ts';
import { connect } from '../signal/client.ts';
import { Admission } from './admission.ts';
import { Manager } from './manager.ts';
import { help, type Options, parseOptions } from './options.ts';

/** How often figures are told, in milliseconds. */
const figuresMs = 10_000;

async function run(options: Options): Promise<void> {
  const app = await connect();
  const { manager, admission, logs } = await makeManager(options);
  await admission.start();
  await manager.start();
  const metrics =
    options.metricsAddress === undefined
      ? undefined
      : await serveMetrics(
          parseAddress(options.metricsAddress),
          () => manager.metrics,
          (error) => console.error(error.message),
        );

  const tell = () => app.metrics(manager.figures);
  const figures = setInterval(tell, figuresMs);
  app.onShutdown(async () => {
    clearInterval(figures);
    await Promise.all([admission.stop(), manager.stop(), metrics?.close()]);
    for (const log of logs) log.flush();
  });
  for (const address of manager.addresses)
    if (!isLoopback(parseAddress(address))) console.log(`other machines reach ${address}`);
  for (const address of manager.addresses.slice(1)) console.log(`also over WebSocket on ${address}`);
  if (metrics) console.log(`figures on http://${metrics.address}/metrics`);
  if (options.members === undefined && options.peers.length === 0)
    console.log('nobody is admitted: name a list of members (--members, --rack) or nodes (--peer)');
  console.log(`listening as ${manager.name}`);
  app.status(`listening as ${manager.name}`);
  tell();
  app.ready();
}

async function makeManager(
  options: Options,
): Promise<{ manager: Manager; admission: Admission; logs: LogLimit[] }> {
  const identity = await identityIn(options.keyFile);
  const { members, peers, domain, trackerAddress } = options;
  const admission = new Admission({ members, peers, folder: options.folder });
  const addresses = [{ transport: tcp, address: options.address }];
  if (options.webSocketAddress !== undefined)
    addresses.push({ transport: webSocket, address: options.webSocketAddress });
  const manager = new Manager({ ...{ identity, domain, addresses, admission, trackerAddress } });
  admission.on('changed', () => console.log(`members: list ${admission.list?.number}`));
  const events = new LogLimit((line) => console.log(line));
  const problems = new LogLimit((line) => console.error(line));
  admission.on('problem', (message) => problems.say('members', message));
  manager.on('problem', (message, source) => problems.say(source, message));
  manager.on('refused', (reason) => problems.say('refused', `refused: ${reason}`));
  manager.on('connected', (name, key) => events.say(key, `connected ${name}`));
  manager.on('disconnected', (name, reason, key) => events.say(key, `disconnected ${name}: ${reason}`));
  return { manager, admission, logs: [events, problems] };
}

await runProgram({ name: 'meshnet-nm', help, parse: (argv) => parseOptions(argv, process.env), run });
