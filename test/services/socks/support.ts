import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { SocketChannel } from '../../../services/mesh/channel.ts';
import { socketOptions } from '../../../services/mesh/stream.ts';
import type { MeshChannel } from '../../../services/mesh/types.ts';
import { type PublicKey, publicKeyOf } from '../../../services/net/keys.ts';
import { type ListenerOptions, SocksListener } from '../../../services/socks/client/listener.ts';
import type { Outlet } from '../../../services/socks/client/outlet.ts';
import {
  type Decoded,
  type Destination,
  decodeMethod,
  decodeReply,
  encodeGreeting,
  encodeRequest,
} from '../../../services/socks/protocol.ts';
import { readMessage } from '../../../services/socks/read.ts';
import { Egress, parseRule } from '../../../services/socks/server/egress.ts';
import { resolveBy } from '../../../services/socks/server/resolve.ts';
import { type ServiceOptions, SocksService } from '../../../services/socks/server/service.ts';
import { serveNames } from './dns.ts';

/** Both families of loopback, to which everything in these tests goes. */
export const loopbackRules = [parseRule(true, '127.0.0.0/8'), parseRule(true, '::1')];

export const never = new AbortController().signal;

/** Two connected ends of one TCP connection of loopback, each direction of which ends for itself. */
export async function tcpPair(): Promise<[Socket, Socket]> {
  const server = createServer(socketOptions).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect({ ...socketOptions, host: '127.0.0.1', port: portOf(server) });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  return [near, far];
}

/** The node from which streams come where nothing else is said. */
const someNode = publicKeyOf(Buffer.alloc(32));

/** A service whose streams and channels come over sockets of their own, with no mesh between. */
export function startService(options: Partial<ServiceOptions> = {}) {
  const service = new SocksService({
    egress: new Egress(loopbackRules),
    resolve: resolveBy(),
    ...options,
  });
  onTestFinished(() => service.stop(0));
  return { service, outlet: outletTo(service) };
}

/** The way to a service from a node. */
export function outletTo(service: SocksService, node: PublicKey = someNode): Outlet {
  return {
    async connect() {
      const [near, far] = await tcpPair();
      service.serve(far, node).catch((error: Error) => far.destroy(error));
      return near;
    },
    async connectChannel() {
      const ends = (await tcpPair()).map((socket) => channelOf(socket, node));
      const [near, far] = ends as [MeshChannel, MeshChannel];
      service.serveChannel(far);
      return near;
    },
  };
}

function channelOf(socket: Socket, node: PublicKey): MeshChannel {
  const remote = { node, app: 'peer' };
  return new SocketChannel(socket, { remote, maxBytes: 1_300, onClose: () => undefined });
}

/** A listener, on a port of its own, and what became of those who did not get what they wanted. */
export async function startListener(outlet: Outlet, options: Partial<ListenerOptions> = {}) {
  const failures: Error[] = [];
  const listener = new SocksListener({
    address: { host: '127.0.0.1', port: 0 },
    outlet,
    onFailure: (error) => void failures.push(error),
    ...options,
  });
  await listener.start();
  onTestFinished(() => listener.stop(0));
  return { listener, failures, ...listener.address };
}

/** A whole proxy: programs connect to `port`. */
export async function startProxy(
  service: Partial<ServiceOptions> = {},
  listener: Partial<ListenerOptions> = {},
) {
  const started = startService(service);
  return { ...started, ...(await startListener(started.outlet, listener)) };
}

/** @param from the address that the connection comes from, one of loopback */
export async function connectTo(port: number, host = '127.0.0.1', from?: string): Promise<Socket> {
  const socket = connect({ ...socketOptions, host, port, ...(from && { localAddress: from }) });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** What a program does: greets, asks, and has a stream when the code is 0. */
export async function ask(
  port: number,
  destination: Destination,
  command = 1,
  from?: string,
): Promise<{ socket: Socket; code: number; bound: Destination }> {
  const socket = await connectTo(port, '127.0.0.1', from);
  socket.write(encodeGreeting([0]));
  await read(socket, decodeMethod);
  socket.write(encodeRequest({ command, destination }));
  return { socket, ...(await read(socket, decodeReply)) };
}

export function read<T>(stream: Duplex, decode: (bytes: Buffer) => Decoded<T>): Promise<T> {
  return readMessage(stream, decode, { what: 'message', signal: never });
}

/** All that comes to the end; unlike stream/consumers it leaves the direction back alone. */
export async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  if (!stream.readableEnded) await once(stream, 'end');
  return Buffer.concat(chunks);
}

/** A name server on loopback, as {@link serveNames} has it. @returns ADDRESS:PORT */
export async function startNameServer(
  answer: (name: string) => readonly string[] | undefined,
): Promise<string> {
  const socket = await serveNames(answer, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => void socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

/** A target on loopback that treats each connection as it is told. */
export async function startTarget(onConnection: (socket: Socket) => void, host = '127.0.0.1', port = 0) {
  const sockets = new Set<Socket>();
  const server = createServer(socketOptions, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(port, host);
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: portOf(server), sockets };
}

export const echo = (socket: Socket) => void socket.pipe(socket);

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Resolves once it holds, looked at whenever the loop has turned; the test's own deadline ends a wait in vain. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
