import { describe, expect, it } from 'vitest';
import { reply } from '../../../../services/socks/protocol.ts';
import { resolveBy } from '../../../../services/socks/server/resolve.ts';
import { never, startNameServer, until } from '../support.ts';

describe('names', () => {
  it('are asked for both families, which alternate with IPv6 first', async () => {
    const server = await startNameServer(() => ['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1']);
    const addresses = await resolveBy([server])('both.example', never);
    expect(addresses.map((address) => address.includes(':'))).toEqual([true, false, false, false]);
    expect(addresses.toSorted()).toEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3', '2001:db8::1']);
  });

  it.each([[['192.0.2.1']], [['2001:db8::1']]])('may have one family alone: %j', async (addresses) => {
    const server = await startNameServer(() => addresses);
    expect(await resolveBy([server])('one.example', never)).toEqual(addresses);
  });

  it('that nobody knows are no reachable host', async () => {
    const server = await startNameServer(() => []);
    await expect(resolveBy([server])('none.example', never)).rejects.toMatchObject({
      code: reply.hostUnreachable,
    });
  });

  it('are given up when asked to', async () => {
    let asked = 0;
    const server = await startNameServer(() => {
      asked++;
      return undefined;
    });
    const controller = new AbortController();
    const resolving = resolveBy([server])('silent.example', controller.signal);
    await until(() => asked > 0);
    controller.abort(new Error('enough'));
    await expect(resolving).rejects.toThrow('enough');
  });

  it.each([
    ['192.0.2.1', ['192.0.2.1']],
    ['2001:db8::1', ['2001:db8::1']],
    ['localhost', ['::1', '127.0.0.1']],
    ['any.LOCALHOST.', ['::1', '127.0.0.1']],
  ])('like %s need no name server', async (host, addresses) => {
    expect(await resolveBy([])(host, never)).toEqual(addresses);
  });
});
