import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { decodeDatagram, encodeDatagram } from '../../../services/socks/protocol.ts';
import { Egress, parseRule } from '../../../services/socks/server/egress.ts';
import { resolveBy } from '../../../services/socks/server/resolve.ts';
import { ask, startNameServer, startProxy, until } from './support.ts';

async function udp(host = '127.0.0.1'): Promise<UdpSocket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  onTestFinished(() => void socket.close());
  return socket;
}

/** Answers every datagram with the same, in capitals. */
async function startShouter(host?: string): Promise<{ port: number; from: RemoteInfo[]; socket: UdpSocket }> {
  const socket = await udp(host);
  const from: RemoteInfo[] = [];
  socket.on('message', (payload, remote) => {
    from.push(remote);
    socket.send(payload.toString().toUpperCase(), remote.port, remote.address);
  });
  return { port: socket.address().port, from, socket };
}

async function associate(port: number, source = 0) {
  const { socket: control, code, bound } = await ask(port, { host: '0.0.0.0', port: source }, 3);
  expect(code).toBe(0);
  const socket = await udp();
  const received: { host: string; port: number; text: string }[] = [];
  socket.on('message', (datagram) => {
    const decoded = decodeDatagram(datagram);
    if (decoded) received.push({ ...decoded.destination, text: decoded.payload.toString() });
  });
  const send = (host: string, to: number, text: string, by = socket) =>
    by.send(encodeDatagram({ host, port: to }, Buffer.from(text)), bound.port, bound.host);
  return { control, bound, socket, received, send };
}

describe('an association', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('carries datagrams to %s and back', async (host) => {
    const target = await startShouter(host === '::1' ? '::1' : '127.0.0.1');
    const { port, service } = await startProxy();
    const { send, received, bound } = await associate(port);
    expect(bound.host).toBe('127.0.0.1');
    send(host, target.port, 'hello');
    await until(() => received.length === 1);
    const answered = host === 'localhost' ? '127.0.0.1' : host;
    expect(received).toEqual([{ host: answered, port: target.port, text: 'HELLO' }]);
    expect(service.metrics).toMatchObject({ associations: 1, sent: 5, received: 5 });
  });

  it('reaches several targets from one port', async () => {
    const [one, other] = [await startShouter(), await startShouter('127.0.0.2')];
    const { port } = await startProxy();
    const { send, received } = await associate(port);
    send('127.0.0.1', one.port, 'one');
    send('127.0.0.2', other.port, 'other');
    await until(() => received.length === 2);
    expect(received.map(({ text }) => text).toSorted()).toEqual(['ONE', 'OTHER']);
    expect(one.from[0]?.port).toBe(other.from[0]?.port);
  });

  it('ends with its control connection, at both ends', async () => {
    const { port, listener, service } = await startProxy();
    const { control, bound } = await associate(port);
    expect(service.metrics.associations).toBe(1);
    control.end();
    await until(() => service.metrics.associations + listener.metrics.programs === 0);
    const again = await udpAt(bound.port);
    again.close();
  });

  it('ends its control connection when the server ends it', async () => {
    const { port, service } = await startProxy();
    const { control } = await associate(port);
    await service.stop(0);
    await once(control.resume(), 'end');
  });

  it('drops fragments, noise, what is too long, and what the rules close', async () => {
    const target = await startShouter();
    const hidden = await startShouter('127.0.0.2');
    const { port } = await startProxy({ egress: new Egress([parseRule(true, '127.0.0.1')]) });
    const { send, socket, bound, received } = await associate(port);
    const fragment = encodeDatagram({ host: '127.0.0.1', port: target.port }, Buffer.from('fragment'));
    fragment[2] = 1;
    for (const bytes of [fragment, Buffer.alloc(0), Buffer.from('noise'), Buffer.alloc(3, 0xff)]) {
      socket.send(bytes, bound.port, bound.host);
    }
    send('127.0.0.1', target.port, 'x'.repeat(1_400));
    send('127.0.0.1', 0, 'port zero');
    send('127.0.0.2', hidden.port, 'closed');
    send('::ffff:127.0.0.2', hidden.port, 'closed');
    send('127.0.0.1', target.port, 'last');
    await until(() => received.length === 1);
    expect(received).toMatchObject([{ text: 'LAST' }]);
    expect(target.from).toHaveLength(1);
    expect(hidden.from).toHaveLength(0);
  });

  it('takes datagrams from the port that was named, and no other', async () => {
    const target = await startShouter();
    const { port } = await startProxy();
    const own = await udp();
    const { send, received } = await associate(port, own.address().port);
    const answers = once(own, 'message');
    send('127.0.0.1', target.port, 'stranger');
    send('127.0.0.1', target.port, 'mine', own);
    expect(decodeDatagram((await answers)[0])?.payload.toString()).toBe('MINE');
    expect(received).toEqual([]);
    expect(target.from).toHaveLength(1);
  });

  it('belongs to the first who uses it where no port was named', async () => {
    const target = await startShouter();
    const { port } = await startProxy();
    const { send, received } = await associate(port);
    send('127.0.0.1', target.port, 'first');
    await until(() => received.length === 1);
    send('127.0.0.1', target.port, 'stranger', await udp());
    send('127.0.0.1', target.port, 'second');
    await until(() => received.length === 2);
    expect(received.map(({ text }) => text)).toEqual(['FIRST', 'SECOND']);
  });

  it('hears nobody that the program has not written to', async () => {
    const target = await startShouter();
    const { port } = await startProxy();
    const { send, received } = await associate(port);
    send('127.0.0.1', target.port, 'here I am');
    await until(() => received.length === 1);
    const relay = target.from[0]?.port ?? 0;
    const stranger = await udp('127.0.0.3');
    await new Promise((resolve) => stranger.send('unasked', relay, '127.0.0.1', resolve));
    send('127.0.0.1', target.port, 'again');
    await until(() => received.length === 2);
    expect(received.map(({ text }) => text)).toEqual(['HERE I AM', 'AGAIN']);
  });

  it('resolves a name once and sends nowhere that is closed', async () => {
    let asked = 0;
    const server = await startNameServer(() => {
      asked++;
      return ['127.0.0.2', '127.0.0.1'];
    });
    const target = await startShouter();
    const { port } = await startProxy({
      resolve: resolveBy([server]),
      egress: new Egress([parseRule(true, '127.0.0.1')]),
    });
    const { send, received } = await associate(port);
    for (const text of ['one', 'two', 'three']) send('name.example', target.port, text);
    await until(() => received.length === 3);
    expect(received.map(({ text }) => text)).toEqual(['ONE', 'TWO', 'THREE']);
    expect(asked).toBe(2);
  });

  it('survives names that nobody knows', async () => {
    const target = await startShouter();
    const resolve = resolveBy([await startNameServer(() => [])]);
    const { port } = await startProxy({ resolve });
    const { send, received } = await associate(port);
    for (let at = 0; at < 100; at++) send(`name${at}.example`, 53, 'lost');
    send('127.0.0.1', target.port, 'found');
    await until(() => received.length === 1);
  });
});

/** Binds the port, which only one may have. */
async function udpAt(port: number): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  await once(socket, 'listening');
  return socket;
}
