import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { reply } from '../../../../services/socks/protocol.ts';
import { dial, explain } from '../../../../services/socks/server/dial.ts';
import { echo, never, portOf, startTarget } from '../support.ts';

/** A port that was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

describe('dial', () => {
  it('takes the address that answers, whatever the others do', async () => {
    const { port } = await startTarget(echo, '127.0.0.3');
    const socket = await dial(['::1', '127.0.0.2', '127.0.0.3'], port, never);
    expect(socket.remoteAddress).toBe('127.0.0.3');
    socket.destroy();
  });

  it('does not wait for one that is silent', async () => {
    const { port } = await startTarget(echo, '127.0.0.1');
    // Of a network for documentation: nobody answers, or there is no way to it.
    const socket = await dial(['192.0.2.1', '127.0.0.1'], port, never);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
  });

  it('says that a connection was refused', async () => {
    await expect(dial(['127.0.0.1'], await closedPort(), never)).rejects.toMatchObject({
      code: reply.connectionRefused,
    });
  });

  it('leaves nothing behind when it is given up', async () => {
    const controller = new AbortController();
    const { port } = await startTarget(echo);
    const dialing = dial(['127.0.0.1'], port, controller.signal);
    controller.abort(new Error('enough'));
    await expect(dialing).rejects.toThrow('enough');
    await expect(dial(['127.0.0.1'], port, controller.signal)).rejects.toThrow('enough');
  });
});

describe('explain', () => {
  const failing = (code: string) => Object.assign(new Error(code), { code });

  it.each([
    [['ECONNREFUSED'], reply.connectionRefused],
    [['EHOSTUNREACH'], reply.hostUnreachable],
    [['EHOSTDOWN'], reply.hostUnreachable],
    [['ENETUNREACH'], reply.networkUnreachable],
    [['EADDRNOTAVAIL'], reply.networkUnreachable],
    [['ETIMEDOUT'], reply.timeToLiveExpired],
    [['EACCES'], reply.notAllowed],
    [['EPERM'], reply.notAllowed],
    [['EMFILE'], reply.generalFailure],
    [['ENETUNREACH', 'ECONNREFUSED'], reply.connectionRefused],
    [['ENETUNREACH', 'EHOSTUNREACH'], reply.hostUnreachable],
  ])('makes of %j code %i', (names, code) => {
    expect(explain(['192.0.2.1'], 80, names.map(failing)).code).toBe(code);
  });
});
