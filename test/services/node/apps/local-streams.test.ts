import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import { localStreams } from '../../../../services/node/apps/local-streams.ts';

const node = Identity.generate().publicKey;
const pair = () =>
  localStreams([
    { node, app: 'server' },
    { node, app: 'client' },
  ]);

describe('a stream between apps of the same node', () => {
  it('carries both directions, each to its own end', async () => {
    const [near, far] = pair();
    expect([near.remote.app, far.remote.app]).toEqual(['server', 'client']);
    const sent = randomBytes(2_000_000);
    near.end(sent);
    expect((await buffer(far)).equals(sent)).toBe(true);
    far.end('thank you');
    expect(await text(near)).toBe('thank you');
    expect([near.errored, far.errored]).toEqual([null, null]);
  });

  it.each([
    ['with a reason', new Error('enough'), 'enough'],
    ['without one', undefined, 'the app has closed the stream'],
  ])('is reset at both ends when one is destroyed %s', async (_, error, message) => {
    const [near, far] = pair();
    near.write('part');
    await once(far, 'readable');
    const failed = expect(buffer(far)).rejects.toMatchObject({ name: 'MeshError', code: 'reset', message });
    near.destroy(error);
    await failed;
  });

  it('may be destroyed once it has ended', async () => {
    const [near, far] = pair();
    near.end();
    far.end('all of it');
    expect(await text(near)).toBe('all of it');
    near.destroy();
    expect(await text(far)).toBe('');
  });
});
