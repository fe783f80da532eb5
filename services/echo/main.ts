#!/usr/bin/env node
import { finished, pipeline } from 'node:stream/promises';
import { MeshApp, type MeshStream } from '../mesh/index.ts';
import { connect, type SignalApp } from '../signal/client.ts';
import { formatMilliseconds, roundTrip, summary } from './measure.ts';
import { type Options, parseOptions, UsageError, usage } from './options.ts';

async function main(argv: string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  const app = await connect();
  const mesh = await MeshApp.start({
    ...{ name: options.name, node: options.node, type: 'echo', access: options.access },
    onStream: options.to === undefined ? echo : undefined,
    onProblem: (message) => console.error(message),
  });
  app.onShutdown(() => mesh.close());
  mesh.on('problem', (message) => console.error(message));
  app.ready();
  if (options.to === undefined) serve(app, mesh, options);
  else {
    await measure(mesh, options.to, options);
    await mesh.close();
    app.close();
  }
}

/** What comes goes back, no faster than it is taken; the end of what comes is the end of what goes. */
function echo(stream: MeshStream): Promise<void> {
  return pipeline(stream, stream);
}

function serve(app: SignalApp, mesh: MeshApp, { name }: Options): void {
  const say = () => app.status(`${name} at ${mesh.node}`);
  mesh.on('registered', say);
  mesh.on('lost', (reason) => app.status(`without a node: ${reason}`));
  say();
  console.log(`reached as ${mesh.node}/${name}`);
}

async function measure(
  mesh: MeshApp,
  to: NonNullable<Options['to']>,
  { count, bytes }: Options,
): Promise<void> {
  const stream = await mesh.connect(to);
  const { app, node } = stream.remote;
  const times: number[] = [];
  while (times.length < count) {
    const took = await roundTrip(stream, bytes);
    times.push(took);
    console.log(`${bytes} bytes back from ${app} at ${node.slice(0, 8)}: ${formatMilliseconds(took)}`);
  }
  await finished(stream.end().resume());
  console.log(summary(times));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`meshnet-echo: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
