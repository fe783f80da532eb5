import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { channelOfSession } from '../../../services/net/control/channel.ts';
import { managerMethods, nodeMethods, type Welcome } from '../../../services/net/control/messages.ts';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import { acceptSession } from '../../../services/net/session/stream.ts';
import { tcp } from '../../../services/net/transport/tcp.ts';
import { ManagerLink } from '../../../services/node/manager-link.ts';
import { Backoff } from '../../../services/signal/backoff.ts';
import { ConnectionLost, Peer, RpcError } from '../../../services/signal/jsonrpc.ts';
import { eventually } from './streams/support.ts';

const anything = { parse: (value: unknown) => value };

/** The manager's end of control connections. */
class TestManager {
  readonly identity: Identity;
  readonly address: string;
  readonly hellos: unknown[] = [];
  readonly peers: Peer[] = [];
  readonly streams: Duplex[] = [];
  welcome: (() => Welcome) | undefined = () => ({ domain: 'mesh.test', reportMs: 1_000, peers: [] });
  readonly stop: () => Promise<void>;

  static async start(identity = Identity.generate(), address = '127.0.0.1:0'): Promise<TestManager> {
    let manager: TestManager | undefined;
    const listener = await tcp.listen(address, (stream) => void manager?.take(stream));
    manager = new TestManager(identity, listener.address, () => listener.close());
    const { stop } = manager;
    onTestFinished(() => stop());
    return manager;
  }

  private constructor(identity: Identity, address: string, close: () => Promise<void>) {
    this.identity = identity;
    this.address = address;
    this.stop = async () => {
      for (const stream of this.streams) stream.destroy();
      await close();
    };
  }

  async take(stream: Duplex): Promise<void> {
    this.streams.push(stream);
    stream.on('error', () => undefined);
    const { identity } = this;
    const session = await acceptSession(stream, { identity, purpose: 'control', accept: () => true }).catch(
      () => undefined,
    );
    if (session === undefined) return;
    const peer = new Peer(channelOfSession(stream, session, { maxBytes: 1_000_000 }));
    peer.handle(managerMethods.hello, anything, (hello) => {
      this.hellos.push(hello);
      if (this.welcome === undefined) throw new RpcError(-32_000, 'not now');
      return this.welcome();
    });
    peer.handle(managerMethods.show, anything, () => [{ name: 'board1' }]);
    this.peers.push(peer);
  }
}

interface Started {
  link: ManagerLink;
  lost: string[];
  welcomes: PublicKey[];
}

/** Remembers how long it let wait. */
class Waits extends Backoff {
  readonly delays: number[] = [];

  override next(): number {
    const delay = super.next();
    this.delays.push(delay);
    return delay;
  }
}

function linkTo(address: string, isManager: (key: PublicKey) => boolean, backoff?: Backoff): Started {
  const lost: string[] = [];
  const welcomes: PublicKey[] = [];
  let hellos = 0;
  const link = new ManagerLink({
    ...{ identity: Identity.generate(), transport: tcp, address, isManager, backoff },
    ...{ learns: false, members: { list: undefined, offer: () => false } },
    hello: () => ({ name: `hello ${++hellos}`, version: '1', addresses: [], rules: [], list: 0 }),
    serve: (peer) => peer.handle(nodeMethods.peers, anything, () => 'served'),
  });
  link.on('lost', (reason) => lost.push(reason));
  link.on('welcome', (_, manager) => welcomes.push(manager));
  onTestFinished(() => link.stop());
  link.start();
  return { link, lost, welcomes };
}

describe('the connection of a node to its manager', () => {
  it('says hello, calls and is called', async () => {
    const manager = await TestManager.start();
    const { link, welcomes } = linkTo(manager.address, (key) => key === manager.identity.publicKey);
    await expect(link.call(managerMethods.show, {}, anything)).rejects.toThrow(ConnectionLost);
    await once(link, 'welcome');
    expect(link.connected).toBe(true);
    expect(welcomes).toEqual([manager.identity.publicKey]);
    expect(await link.call(managerMethods.show, {}, anything)).toEqual([{ name: 'board1' }]);
    expect(await manager.peers[0]?.call(nodeMethods.peers, {}, anything)).toBe('served');
  });

  it('is made again when the manager is started again, with a new hello, and what was lost is told once', async () => {
    const manager = await TestManager.start();
    const { identity, address } = manager;
    const { link, lost, welcomes } = linkTo(address, () => true);
    await once(link, 'welcome');
    await manager.stop();
    await eventually(() => expect(lost.length).toBeGreaterThanOrEqual(2));
    expect(link.connected).toBe(false);
    await expect(link.call(managerMethods.show, {}, anything)).rejects.toThrow(ConnectionLost);
    const again = await TestManager.start(identity, address);
    await eventually(() => expect(welcomes).toHaveLength(2));
    expect(again.hellos).toMatchObject([{ name: 'hello 2' }]);
    // How it was lost, and that nobody listens there since; not at each attempt.
    expect(lost).toHaveLength(2);
    expect(lost[1]).toContain('nobody listens there');
  });

  it('is with no other manager than the right one', async () => {
    const manager = await TestManager.start();
    const { link, lost } = linkTo(manager.address, () => false);
    await eventually(() => expect(lost[0]).toMatch(/is not admitted here for a control/));
    expect(link.connected).toBe(false);
    expect(manager.hellos).toEqual([]);
  });

  it('is tried again when the manager does not welcome the node, or says what makes no sense', async () => {
    const manager = await TestManager.start();
    manager.welcome = undefined;
    const { link, lost, welcomes } = linkTo(manager.address, () => true);
    await eventually(() => expect(lost).toEqual(['not now']));
    manager.welcome = () => ({ domain: 7 }) as unknown as Welcome;
    await eventually(() => expect(lost).toHaveLength(2));
    manager.welcome = () => ({ domain: 'mesh.test', reportMs: 1_000, peers: [] });
    await eventually(() => expect(welcomes).toHaveLength(1));
    expect(link.connected).toBe(true);
  });

  it('waits longer and longer for a manager that takes the node in and throws it out again', async () => {
    const manager = await TestManager.start();
    const waits = new Waits({ firstMs: 1, maxMs: 10_000 });
    const { link, welcomes } = linkTo(manager.address, () => true, waits);
    link.on('welcome', () => manager.peers.at(-1)?.close('not this one'));
    await eventually(() => expect(waits.delays.length).toBeGreaterThanOrEqual(7));
    expect(welcomes.length).toBeGreaterThanOrEqual(6);
    expect(waits.delays[6]).toBeGreaterThan(8 * (waits.delays[0] ?? 0));
  });

  it('ends what was under way when it is lost', async () => {
    const manager = await TestManager.start();
    const { link } = linkTo(manager.address, () => true);
    await once(link, 'welcome');
    manager.peers[0]?.handle('slow', anything, () => new Promise(() => undefined));
    const call = link.call('slow', {}, anything);
    manager.streams[0]?.destroy();
    await expect(call).rejects.toThrow(ConnectionLost);
  });

  it('ends when it is stopped, also within a handshake that goes nowhere', async () => {
    const sockets: Duplex[] = [];
    const listener = await tcp.listen('127.0.0.1:0', (stream) => sockets.push(stream));
    onTestFinished(() => listener.close());
    const { link, lost } = linkTo(listener.address, () => true);
    await eventually(() => expect(sockets).toHaveLength(1));
    const closed = once(sockets[0]?.resume() as Duplex, 'close');
    await link.stop();
    await closed;
    expect(lost).toEqual([]);
    await link.stop();
  });

  it('takes no manager that is none', async () => {
    const echo = await tcp.listen('127.0.0.1:0', (stream) => stream.pipe(stream));
    onTestFinished(() => echo.close());
    const { lost } = linkTo(echo.address, () => true);
    await eventually(() => expect(lost).toHaveLength(1));
  });
});
