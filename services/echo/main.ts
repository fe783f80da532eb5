#!/usr/bin/env node
import { finished, pipeline } from 'node:stream/promises';
import { MeshApp, type MeshStream, type Target } from '../mesh/index.ts';
import { runMeshApp } from '../program/mesh-app.ts';
import { runProgram } from '../program/run.ts';
import { connect } from '../signal/client.ts';
import { formatMilliseconds, roundTrip, summary } from './measure.ts';
import { help, type Options, parseOptions } from './options.ts';

function run(options: Options): Promise<void> {
  return options.to === undefined ? serve(options) : measure(options.to, options);
}

async function serve({ name, node, access }: Options): Promise<void> {
  await runMeshApp({
    mesh: { name, node, access, type: 'echo', onStream: echo },
    status: (mesh) => `reached as ${mesh.node}/${name}`,
  });
}

/** What comes goes back, no faster than it is taken; the end of what comes is the end of what goes. */
function echo(stream: MeshStream): Promise<void> {
  return pipeline(stream, stream);
}

async function measure(to: Target, { name, node, access, count, bytes }: Options): Promise<void> {
  const app = await connect();
  const problem = (message: string) => console.error(message);
  const mesh = await MeshApp.start({ name, node, access, type: 'echo', onProblem: problem });
  app.onShutdown(() => mesh.close());
  mesh.on('problem', problem);
  app.ready();
  const stream = await mesh.connect(to);
  const { remote } = stream;
  const times: number[] = [];
  while (times.length < count) {
    const took = await roundTrip(stream, bytes);
    times.push(took);
    const where = `${remote.app} at ${remote.node.slice(0, 8)}`;
    console.log(`${bytes} bytes back from ${where}: ${formatMilliseconds(took)}`);
  }
  await finished(stream.end().resume());
  console.log(summary(times));
  await mesh.close();
  app.close();
}

await runProgram({ name: 'meshnet-echo', help, parse: parseOptions, run });
