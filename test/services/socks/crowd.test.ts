import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { publicKeyOf } from '../../../services/net/keys.ts';
import { reply } from '../../../services/socks/protocol.ts';
import {
  all,
  ask,
  connectTo,
  echo,
  outletTo,
  startListener,
  startProxy,
  startTarget,
  until,
} from './support.ts';

describe('whoever is slow', () => {
  it('with a greeting is ended after the deadline', async () => {
    const { port, listener } = await startProxy({}, { handshakeMs: 50 });
    const socket = await connectTo(port);
    socket.write(Buffer.from([5]));
    await all(socket);
    await until(() => listener.metrics.programs === 0);
  });

  it('one byte after the other has no more time than others', async () => {
    const { port } = await startProxy({}, { handshakeMs: 100 });
    const socket = await connectTo(port);
    socket.write(Buffer.from([5, 255]));
    const drip = setInterval(() => socket.write(Buffer.from([0xff])), 10);
    // Whether it ends or breaks: some bytes may be on their way.
    await all(socket).catch((error: NodeJS.ErrnoException) => expect(error.code).toMatch(/EPIPE|ECONNRESET/));
    clearInterval(drip);
  });

  it('with a request at the server is ended after the deadline', async () => {
    const { outlet, service } = await startProxy({ requestMs: 50 });
    const stream = await outlet.connect(new AbortController().signal);
    await all(stream);
    await until(() => service.metrics.streams === 0);
  });

  it('makes room for others when there are too many', async () => {
    const target = await startTarget(echo);
    const { port, listener } = await startProxy({}, { maxPrograms: 20 });
    const idle: Socket[] = [];
    for (let count = 0; count < 10; count++) idle.push(await connectTo(port));
    await until(() => listener.metrics.programs === 10);
    const { code } = await ask(port, { host: '127.0.0.1', port: target.port });
    expect(code).toBe(0);
    if (idle[0]) await all(idle[0]);
    expect(listener.metrics.programs).toBe(10);
  });
});

describe('whoever has many connections', () => {
  it('leaves room for programs at other addresses, and has more again when some have ended', async () => {
    const target = await startTarget(echo);
    const destination = { host: '127.0.0.1', port: target.port };
    const { port, listener } = await startProxy({}, { maxPrograms: 20 });
    const many: Socket[] = [];
    for (let count = 0; count < 10; count++) many.push((await ask(port, destination)).socket);
    expect(await all(await connectTo(port))).toHaveLength(0);
    const other = await ask(port, destination, 1, '127.0.0.2');
    expect(other.code).toBe(0);
    for (const socket of [...many.splice(0, 5), other.socket]) socket.end();
    await until(() => listener.metrics.programs === 5);
    expect((await ask(port, destination)).code).toBe(0);
  });

  it('through one node leaves the server room for those of others', async () => {
    const target = await startTarget(echo);
    const destination = { host: '127.0.0.1', port: target.port };
    const { port, service } = await startProxy({ maxStreams: 20 });
    const far = await startListener(outletTo(service, publicKeyOf(Buffer.alloc(32, 1))));
    for (let count = 0; count < 10; count++) expect((await ask(port, destination)).code).toBe(0);
    expect(await ask(port, destination)).toMatchObject({ code: reply.generalFailure });
    expect((await ask(far.port, destination)).code).toBe(0);
    expect(service.metrics.streams).toBe(11);
  });
});

describe('addresses without end', () => {
  it('leave no room but that of those who have not said what they want', async () => {
    const target = await startTarget(echo);
    const destination = { host: '127.0.0.1', port: target.port };
    const { port, listener } = await startProxy({}, { maxPrograms: 4 });
    const idle: Socket[] = [];
    for (let count = 1; count <= 4; count++)
      idle.push(await connectTo(port, '127.0.0.1', `127.0.1.${count}`));
    await until(() => listener.metrics.programs === 4);
    expect((await ask(port, destination)).code).toBe(0);
    if (idle[0]) await all(idle[0]);
    await until(() => listener.metrics.programs === 4);
  });
});
