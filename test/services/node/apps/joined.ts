import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { MeshApp, type MeshAppOptions } from '../../../../services/mesh/index.ts';
import {
  type ChannelEvents,
  type MeshChannel,
  MeshError,
  type MeshStream,
  type Remote,
  type Target,
} from '../../../../services/mesh/types.ts';
import type { Shown } from '../../../../services/net/control/messages.ts';
import type { ShownMembers } from '../../../../services/net/control/shown.ts';
import { Identity, type PublicKey } from '../../../../services/net/keys.ts';
import type { Carrier, LocalApp } from '../../../../services/node/apps/carrier.ts';
import { AppGateway, type AppGatewayOptions } from '../../../../services/node/apps/gateway.ts';
import { maxDatagramBytes } from '../../../../services/node/streams/channel.ts';
import { scratchFolder } from '../../signal/support.ts';

/** What joins the nodes of a test: TCP connections on loopback, one a stream. */
export class JoinedCarrier implements Carrier {
  readonly key: PublicKey = Identity.generate().publicKey;
  readonly apps = new Map<string, LocalApp>();
  readonly #all: JoinedCarrier[];

  constructor(all: JoinedCarrier[]) {
    this.#all = all;
    all.push(this);
  }

  async openStream(to: Target, from: string, signal: AbortSignal): Promise<MeshStream> {
    const { app, remote } = this.#find(to);
    const [near, far] = await tcpPair();
    const stream = asStream(near, far, remote);
    try {
      await untilAborted(app.accept(asStream(far, near, { node: this.key, app: from })), signal);
    } catch (error) {
      near.destroy();
      far.destroy();
      throw error;
    }
    return stream;
  }

  async openChannel(to: Target, from: string, signal: AbortSignal): Promise<MeshChannel> {
    const { app, remote } = this.#find(to);
    const near = new MemoryChannel(remote);
    const far = new MemoryChannel({ node: this.key, app: from });
    near.other = far;
    far.other = near;
    await untilAborted(app.acceptChannel(far), signal);
    return near;
  }

  addApp(app: LocalApp): void {
    if (this.apps.has(app.name)) throw new MeshError('name-taken', `${app.name} is registered here already`);
    this.apps.set(app.name, app);
  }

  removeApp(name: string): void {
    this.apps.delete(name);
  }

  get members(): ShownMembers {
    return { rack: null, number: 0, members: [], key: this.key };
  }

  async takeMembers(): Promise<boolean> {
    return false;
  }

  async show(what: Shown): Promise<unknown[]> {
    if (what !== 'nodes') throw new MeshError('node-lost', 'the manager is gone');
    return this.#all.map(({ key }) => ({ key }));
  }

  #find(to: Target): { app: LocalApp; remote: Remote } {
    for (const carrier of this.#all) {
      const app = carrier.apps.get(to.app);
      if (!app || ('node' in to && to.node !== carrier.key)) continue;
      if (typeof app.access !== 'string' && !app.access.includes(this.key))
        throw new MeshError('refused', 'this node is not on the list');
      return { app, remote: { node: carrier.key, app: app.name } };
    }
    throw new MeshError('not-found', `there is no ${to.app}`);
  }
}

export interface TestNode {
  key: PublicKey;
  carrier: JoinedCarrier;
  gateway: AppGateway;
  /** The path of its socket, or its address. */
  node: string;
}

/** Two nodes whose apps reach each other. */
export async function joinedNodes(
  options: Partial<AppGatewayOptions> & { overTcp?: boolean } = {},
): Promise<[TestNode, TestNode]> {
  const all: JoinedCarrier[] = [];
  return [await startNode(new JoinedCarrier(all), options), await startNode(new JoinedCarrier(all), options)];
}

export async function startNode(
  carrier: JoinedCarrier,
  { overTcp = false, ...options }: Partial<AppGatewayOptions> & { overTcp?: boolean } = {},
): Promise<TestNode> {
  const path = options.path ?? join(await scratchFolder(), 'node.sock');
  const where = overTcp ? { tcp: { host: '127.0.0.1', port: 0 } } : { path };
  const gateway = new AppGateway({ ...options, ...where, carrier });
  await gateway.listen();
  onTestFinished(() => gateway.close());
  return {
    key: carrier.key,
    carrier,
    gateway,
    node: overTcp ? `127.0.0.1:${gateway.address?.port}` : path,
  };
}

export async function startApp(
  { node }: TestNode,
  name: string,
  options: Partial<MeshAppOptions> = {},
): Promise<MeshApp> {
  const app = await MeshApp.start({ node, name, type: 'test', backoff: quick, ...options });
  onTestFinished(() => app.close());
  return app;
}

export const quick = { firstMs: 5, maxMs: 20 };

export async function tcpPair(): Promise<[Socket, Socket]> {
  const options = { allowHalfOpen: true, noDelay: true };
  const server = createServer(options).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const near = connect({ ...options, port, host: '127.0.0.1' });
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  return [near, far];
}

/** Destroyed with an error, a stream is reset at its other end too, as one of the mesh is. */
function asStream(socket: Socket, other: Socket, remote: Remote): MeshStream {
  const destroy = socket.destroy.bind(socket);
  return Object.assign(socket as Duplex, {
    remote,
    destroy(error?: Error) {
      if (error && !socket.destroyed) {
        destroy(error);
        other.destroy(new MeshError('reset', error.message));
      }
      return destroy();
    },
  });
}

class MemoryChannel extends EventEmitter<ChannelEvents> implements MeshChannel {
  readonly maxBytes = maxDatagramBytes;
  readonly isFull = false;
  readonly remote: Remote;
  other: MemoryChannel | undefined;
  #closed = false;

  constructor(remote: Remote) {
    super();
    this.remote = remote;
  }

  send(payloads: readonly Buffer[]): number {
    for (const payload of payloads) this.other?.emit('message', payload);
    return 0;
  }

  close(reason = 'closed'): void {
    if (this.#closed) return;
    this.#closed = true;
    this.emit('close', reason);
    this.other?.close(reason);
  }
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
