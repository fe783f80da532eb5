/**
 * A program, `end.ts source|sink BYTES tcp PORT` or `end.ts source|sink BYTES mesh KEYFILE NEIGHBOUR MANAGER [SINK]`: an end
 * of what stands in the middle. Of TCP the sink listens on the port and the source connects to it, on 127.0.0.1; in the mesh
 * both are nodes without circuits, and the source opens a path to the node SINK.
 *
 * For each line on its input the source sends so many bytes, waits until the sink has answered them with one, and prints the
 * milliseconds that this took. Both print `ready` before.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { identityIn } from '../../../services/net/key-file.ts';
import { parsePublicKey } from '../../../services/net/keys.ts';
import { streamBufferBytes } from '../../../services/net/transport/transport.ts';
import { until } from '../process.ts';
import { BareNode } from './bare-node.ts';
import { PathStream } from './path-stream.ts';

/** About what a message of a circuit has that carries one busy stream. */
const block = Buffer.alloc(64 * 1024, 'skyminer');
const socketOptions = { host: '127.0.0.1', noDelay: true, highWaterMark: streamBufferBytes };

const [role, bytesText, kind, ...where] = process.argv.slice(2);
const bytes = Number(bytesText);
if (kind === 'mesh') await overMesh(...where);
else if (role === 'source') await sourceOfTcp(Number(where[0]));
else await sinkOfTcp(Number(where[0]));

async function sourceOfTcp(port: number): Promise<void> {
  const socket = connect({ port, ...socketOptions });
  await once(socket, 'connect');
  await sendOnDemand(socket);
}

async function sinkOfTcp(port: number): Promise<void> {
  const server = createServer(socketOptions, (socket) => {
    socket.on('error', () => socket.destroy());
    answer(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  process.stdout.write('ready\n');
}

async function overMesh(keyFile = '', neighbour = '', manager = '', sink?: string): Promise<void> {
  const path = Promise.withResolvers<PathStream>();
  const [managerKey = '', address = ''] = manager.split('@');
  const node = new BareNode({
    ...{ identity: await identityIn(keyFile), name: role ?? '' },
    neighbour: parsePublicKey(neighbour),
    manager: { key: parsePublicKey(managerKey), address },
    onPath: (carrier, rule) => path.resolve(new PathStream(carrier, rule)),
  });
  await node.start();
  if (sink === undefined) {
    process.stdout.write('ready\n');
    answer(await path.promise);
    return;
  }
  const circuit = randomBytes(16).toString('hex');
  await until('a path to the sink', () => node.open(circuit, parsePublicKey(sink)));
  await sendOnDemand(await path.promise);
}

async function sendOnDemand(way: Duplex): Promise<void> {
  // Whoever waits for it to finish a transfer is told by this process's end.
  for (const event of ['error', 'close']) way.once(event, () => process.exit(1));
  process.stdout.write('ready\n');
  for await (const _ of createInterface({ input: process.stdin })) {
    const answered = once(way, 'data');
    const start = performance.now();
    for (let left = bytes; left > 0; left -= block.length)
      if (!way.write(block.subarray(0, left))) await once(way, 'drain');
    await answered;
    process.stdout.write(`${performance.now() - start}\n`);
  }
}

/** Takes what comes, and says so with one byte whenever all of a transfer is there. */
function answer(way: Duplex): void {
  let came = 0;
  way.on('data', (chunk: Buffer) => {
    came += chunk.length;
    if (came < bytes) return;
    came -= bytes;
    way.write(Buffer.of(1));
  });
}
