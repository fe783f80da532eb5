import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Entrance } from '../../../services/forward/entrance.ts';
import { parseAddress } from '../../../services/net/address.ts';
import { joinedNodes, startApp } from '../node/apps/joined.ts';

it('takes no more connections of one source than are left for others', async () => {
  const [there, here] = await joinedNodes();
  await startApp(there, 'echo', { onStream: (stream) => void stream.pipe(stream) });
  const mesh = await startApp(here, 'in');
  const problems: string[] = [];
  const target = { node: there.key, app: 'echo' };
  const entrance = new Entrance(mesh, target, (message) => problems.push(message), 6);
  onTestFinished(() => entrance.close());
  const { port } = parseAddress(await entrance.listen({ host: '127.0.0.1', port: 0 }));
  const isServed = async (from: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    socket.write('hello');
    const what = await new Promise((resolve) => socket.once('data', resolve).once('close', resolve));
    return String(what) === 'hello';
  };
  const many = Array.from({ length: 3 }, () => isServed('127.0.0.1'));
  expect(await Promise.all(many)).toEqual([true, true, true]);
  expect(await isServed('127.0.0.1')).toBe(false);
  expect(problems).toEqual(['there are too many connections: one of 127.0.0.1 was not taken']);
  expect(await isServed('127.0.0.2')).toBe(true);
});
