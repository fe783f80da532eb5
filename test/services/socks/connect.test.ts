import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { MeshError } from '../../../services/mesh/types.ts';
import { NotAdmitted } from '../../../services/socks/client/negotiate.ts';
import {
  decodeMethod,
  decodeReply,
  encodeGreeting,
  encodeRequest,
  reply,
} from '../../../services/socks/protocol.ts';
import { Egress, parseRule } from '../../../services/socks/server/egress.ts';
import { resolveBy } from '../../../services/socks/server/resolve.ts';
import {
  all,
  ask,
  connectTo,
  echo,
  read,
  startListener,
  startNameServer,
  startProxy,
  startTarget,
  tcpPair,
  until,
} from './support.ts';

describe('a stream through the proxy', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('reaches %s', async (host) => {
    const target = await startTarget(echo, host === '::1' ? '::1' : '127.0.0.1');
    const { port } = await startProxy();
    const { socket, code, bound } = await ask(port, { host, port: target.port });
    expect({ code, bound }).toEqual({ code: 0, bound: { host: '0.0.0.0', port: 0 } });
    socket.end('hello');
    expect((await all(socket)).toString()).toBe('hello');
  });

  it('carries megabytes both ways and counts them', async () => {
    const target = await startTarget(echo);
    const { port, listener, service } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    const sent = Buffer.alloc(32 * 1024 * 1024, 'skyminer');
    socket.end(sent);
    expect((await all(socket)).equals(sent)).toBe(true);
    expect(listener.metrics).toMatchObject({ sent: sent.length, received: sent.length, failed: 0 });
    expect(service.metrics).toMatchObject({ sent: sent.length, received: sent.length, refused: 0 });
    await until(() => listener.metrics.programs + service.metrics.streams === 0);
  });

  it('stays open for the answer when the program has ended its direction', async () => {
    const target = await startTarget((socket) => {
      void all(socket).then((question) => socket.end(`${question.length} bytes`));
    });
    const { port } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    socket.end(Buffer.alloc(1_000_000));
    expect((await all(socket)).toString()).toBe('1000000 bytes');
  });

  it('stays open for the program when the target has ended its direction', async () => {
    const heard = Promise.withResolvers<Buffer>();
    const target = await startTarget((socket) => {
      socket.end('bye');
      void all(socket).then(heard.resolve);
    });
    const { port } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    expect((await all(socket)).toString()).toBe('bye');
    socket.end('still here');
    expect((await heard.promise).toString()).toBe('still here');
  });

  it('breaks where the target breaks, and never ends as if it were done', async () => {
    const target = await startTarget((socket) => {
      socket.write('the first half', () => socket.once('data', () => socket.resetAndDestroy()));
    });
    const { port } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    await once(socket.resume(), 'data');
    socket.write('go on');
    expect(await once(socket, 'close').catch((error) => error)).toMatchObject({ code: 'ECONNRESET' });
  });

  it('breaks at the target when the program breaks', async () => {
    const broken = Promise.withResolvers<NodeJS.ErrnoException>();
    const target = await startTarget((socket) => void socket.resume().once('error', broken.resolve));
    const { port, listener, service } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    socket.resetAndDestroy();
    expect(await broken.promise).toMatchObject({ code: 'ECONNRESET' });
    await until(() => listener.metrics.programs + service.metrics.streams === 0);
  });

  it('holds back a target whose program does not read', async () => {
    const flood = Buffer.alloc(64 * 1024 * 1024);
    const target = await startTarget((socket) => void socket.end(flood));
    const { port, listener } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    for (let last = -1, turns = 0; turns < 200; turns = last === listener.metrics.received ? turns + 1 : 0) {
      last = listener.metrics.received;
      await new Promise(setImmediate);
    }
    expect(listener.metrics.received).toBeLessThan(flood.length);
    expect((await all(socket)).length).toBe(flood.length);
  });

  it('takes what the program sends before it has a reply', async () => {
    const target = await startTarget(echo);
    const { port } = await startProxy();
    const socket = await connectTo(port);
    const request = encodeRequest({ command: 1, destination: { host: '127.0.0.1', port: target.port } });
    socket.end(Buffer.concat([encodeGreeting([0]), request, Buffer.from('in a hurry')]));
    expect(await read(socket, decodeMethod)).toBe(0);
    expect(await read(socket, decodeReply)).toMatchObject({ code: 0 });
    expect((await all(socket)).toString()).toBe('in a hurry');
  });
});

describe('a program that ends its direction at once', () => {
  it('is served when it wanted to hear, and not to say anything', async () => {
    const target = await startTarget((socket) => {
      void all(socket).then((said) => socket.end(`${said.length} bytes`));
    });
    const { port } = await startProxy();
    const socket = await connectTo(port);
    const request = encodeRequest({ command: 1, destination: { host: '127.0.0.1', port: target.port } });
    socket.end(Buffer.concat([encodeGreeting([0]), request]));
    expect(await read(socket, decodeMethod)).toBe(0);
    expect(await read(socket, decodeReply)).toMatchObject({ code: 0 });
    expect((await all(socket)).toString()).toBe('0 bytes');
  });
});

describe('a program is told', () => {
  const nowhere = { host: '127.0.0.1', port: 1 };

  it('that a connection was refused', async () => {
    const { port } = await startProxy();
    const { code, socket } = await ask(port, nowhere);
    expect(code).toBe(reply.connectionRefused);
    expect(await all(socket)).toHaveLength(0);
  });

  it('that a name has no address', async () => {
    const resolve = resolveBy([await startNameServer(() => [])]);
    const { port } = await startProxy({ resolve });
    expect(await ask(port, { host: 'none.example', port: 80 })).toMatchObject({
      code: reply.hostUnreachable,
    });
  });

  it.each([
    '127.0.0.1',
    '::1',
    'localhost',
    '10.0.0.1',
    '169.254.169.254',
    '::ffff:127.0.0.1',
    '2002:7f00:1::',
  ])('that the rules do not allow %s', async (host) => {
    const { port } = await startProxy({ egress: new Egress([]) });
    expect(await ask(port, { host, port: 80 })).toMatchObject({ code: reply.notAllowed });
  });

  it('that nothing answered in time', async () => {
    const resolve = resolveBy([await startNameServer(() => undefined)]);
    const { port } = await startProxy({ resolve, connectMs: 100 });
    expect(await ask(port, { host: 'slow.example', port: 80 })).toMatchObject({
      code: reply.timeToLiveExpired,
    });
  });

  it.each([2, 0, 9, 0xf0])('that command %i is not supported', async (command) => {
    const { port } = await startProxy();
    expect(await ask(port, nowhere, command)).toMatchObject({ code: reply.commandNotSupported });
  });

  it('that an address type is not supported', async () => {
    const { port } = await startProxy();
    const socket = await connectTo(port);
    socket.write(Buffer.concat([encodeGreeting([0]), Buffer.from([5, 1, 0, 2, 0, 0])]));
    await read(socket, decodeMethod);
    expect(await read(socket, decodeReply)).toMatchObject({ code: reply.addressTypeNotSupported });
  });

  it.each([
    ['not-found', reply.generalFailure],
    ['no-route', reply.networkUnreachable],
    ['refused', reply.notAllowed],
    ['node-lost', reply.generalFailure],
    ['timeout', reply.timeToLiveExpired],
  ] as const)('when there is no way to the server: %s', async (why, code) => {
    const fail = () => Promise.reject(new MeshError(why, 'no way'));
    const { port, failures } = await startListener({ connect: fail, connectChannel: fail });
    expect(await ask(port, nowhere)).toMatchObject({ code });
    expect(await ask(port, nowhere, 3)).toMatchObject({ code });
    expect(failures).toMatchObject([{ name: 'SocksError', code }, { code }]);
  });

  it('a general failure when the server breaks off instead of answering', async () => {
    const { port } = await startListener({
      async connect() {
        const [near, far] = await tcpPair();
        far.once('data', () => far.resetAndDestroy());
        return near;
      },
      connectChannel: () => Promise.reject(new Error('none')),
    });
    expect(await ask(port, nowhere)).toMatchObject({ code: reply.generalFailure });
  });

  it('a general failure when the server is full, and is served once there is room', async () => {
    const target = await startTarget(echo);
    const { port, service } = await startProxy({ maxStreams: 1 });
    const destination = { host: '127.0.0.1', port: target.port };
    const first = await ask(port, destination);
    expect(await ask(port, destination)).toMatchObject({ code: reply.generalFailure });
    first.socket.end();
    await until(() => service.metrics.streams === 0);
    expect(await ask(port, destination)).toMatchObject({ code: 0 });
  });
});

describe('a name', () => {
  it('is resolved once, and only what was checked is connected to', async () => {
    const asked: string[] = [];
    const answers = ['127.0.0.2', '127.0.0.3'];
    // The name changes its address with every question, between the one that is open and one that is not.
    const resolve = resolveBy([
      await startNameServer((name) => {
        asked.push(name);
        return [answers[(asked.length >> 1) % 2] ?? ''];
      }),
    ]);
    const open = await startTarget((socket) => void socket.end('open'), '127.0.0.2');
    const closed = await startTarget((socket) => void socket.end('closed'), '127.0.0.3', open.port);
    const { port } = await startProxy({ resolve, egress: new Egress([parseRule(true, '127.0.0.2')]) });
    const codes = new Set<number>();
    for (let turn = 0; turn < 20; turn++) {
      const { code, socket } = await ask(port, { host: 'rebind.example', port: open.port });
      codes.add(code);
      if (code === 0) expect((await all(socket)).toString()).toBe('open');
    }
    expect([...codes].toSorted()).toEqual([0, reply.notAllowed]);
    expect(closed.sockets.size).toBe(0);
    expect(asked).toHaveLength(40);
  });

  it('with addresses that are closed and one that is open leads to that one', async () => {
    const resolve = resolveBy([await startNameServer(() => ['127.0.0.3', '::1', '127.0.0.2'])]);
    const open = await startTarget((socket) => void socket.end('open'), '127.0.0.2');
    const closed = await startTarget(echo, '127.0.0.3', open.port);
    const { port } = await startProxy({ resolve, egress: new Egress([parseRule(true, '127.0.0.2')]) });
    const { socket } = await ask(port, { host: 'mixed.example', port: open.port });
    expect((await all(socket)).toString()).toBe('open');
    expect(closed.sockets.size).toBe(0);
  });
});

describe('whoever does not speak SOCKS5', () => {
  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['SOCKS4', '\x04\x01\x00\x50\x7f\x00\x00\x01\x00'],
    ['TLS', '\x16\x03\x01\x02\x00'],
  ])('but %s gets nothing and is ended', async (_what, text) => {
    const { port, listener, failures } = await startProxy();
    const socket = await connectTo(port);
    socket.write(Buffer.from(text, 'latin1'));
    expect(await all(socket)).toHaveLength(0);
    await until(() => listener.metrics.programs === 0);
    expect(failures).toEqual([expect.any(NotAdmitted)]);
  });

  it('and offers no method that is taken hears so', async () => {
    const { port } = await startProxy();
    const socket = await connectTo(port);
    socket.write(encodeGreeting([1, 2, 0x80]));
    expect(await read(socket, decodeMethod)).toBe(0xff);
    expect(await all(socket)).toHaveLength(0);
  });

  it('but noise harms nobody else', async () => {
    const target = await startTarget(echo);
    const { port, listener } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    for (let seed = 0; seed < 200; seed++) {
      const noise = await connectTo(port);
      noise.on('error', () => undefined);
      noise.end(Buffer.from(Array.from({ length: 40 }, (_, at) => (seed * 7 + at * 31) % 256)));
    }
    await until(() => listener.metrics.programs === 1);
    socket.end('unharmed');
    expect((await all(socket)).toString()).toBe('unharmed');
  });

  it('at the server breaks its own stream alone', async () => {
    const { outlet, service } = await startProxy();
    const stream = await outlet.connect(new AbortController().signal);
    stream.write('GET / HTTP/1.1\r\n\r\n');
    expect(await read(stream, decodeReply)).toMatchObject({ code: reply.generalFailure });
    stream.end();
    await until(() => service.metrics.streams === 0);
  });
});

describe('the end', () => {
  it('lets streams finish within the time there is, and takes nothing new', async () => {
    const target = await startTarget(echo);
    const { port, listener } = await startProxy();
    const { socket } = await ask(port, { host: '127.0.0.1', port: target.port });
    const stopped = listener.stop(60_000);
    await expect(connectTo(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    socket.end('the last words');
    expect((await all(socket)).toString()).toBe('the last words');
    await stopped;
  });

  it('breaks off what does not finish', async () => {
    const target = await startTarget(echo);
    const { port, listener, service } = await startProxy();
    const one = await ask(port, { host: '127.0.0.1', port: target.port });
    const broken = once(one.socket.resume(), 'close').catch((error) => error);
    await Promise.all([listener.stop(0), service.stop(0)]);
    expect(await broken).toMatchObject({ code: 'ECONNRESET' });
  });

  it('of 1,000 connections leaves no descriptor', async () => {
    const target = await startTarget(echo);
    const { port, listener, service } = await startProxy();
    const descriptors = async () => (await readdir('/proc/self/fd')).length;
    const before = await descriptors();
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const host = at % 10 === 0 ? '10.0.0.1' : '127.0.0.1';
          const { socket, code } = await ask(port, { host, port: target.port });
          expect(code).toBe(host === '10.0.0.1' ? reply.notAllowed : 0);
          if (at % 3 === 0) socket.resetAndDestroy();
          else socket.end();
          await once(socket.resume(), 'close');
        }),
      );
    }
    await until(() => listener.metrics.programs + service.metrics.streams === 0);
    await until(() => [...target.sockets].every((socket) => socket.closed));
    expect(await descriptors()).toBe(before);
  });
});
