#!/usr/bin/env node
import { formatTarget, MeshApp } from '../mesh/index.ts';
import { formatAddress } from '../net/address.ts';
import { connect } from '../signal/client.ts';
import { Entrance } from './entrance.ts';
import { passOut } from './exit.ts';
import { parseOptions, UsageError, usage } from './options.ts';

async function main(argv: string[]): Promise<void> {
  const options = parseOptions(argv);
  if (options === undefined) {
    process.stdout.write(usage);
    return;
  }
  const { name, node, access, end } = options;
  const app = await connect();
  const problem = (message: string) => console.error(message);
  const mesh = await MeshApp.start({
    ...{ name, node, access, type: 'forward', onProblem: problem },
    onStream:
      'to' in end
        ? (stream) =>
            passOut(stream, end.to).catch((error: Error) => {
              problem(error.message);
              throw error;
            })
        : undefined,
  });
  mesh.on('problem', problem);
  const entrance = 'to' in end ? undefined : new Entrance(mesh, end.target, problem);
  app.onShutdown(async () => {
    entrance?.close();
    await mesh.close();
  });
  const what =
    'to' in end
      ? `${mesh.node}/${name} leads to ${formatAddress(end.to)}`
      : `${await entrance?.listen(end.listen)} leads to ${formatTarget(end.target)}`;
  console.log(what);
  app.status(what);
  mesh.on('registered', () => app.status(what));
  mesh.on('lost', (reason) => app.status(`without a node: ${reason}`));
  app.ready();
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`meshnet-forward: ${error instanceof Error ? error.message : error}`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
