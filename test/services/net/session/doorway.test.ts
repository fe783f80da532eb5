import { duplexPair } from 'node:stream';
import { expect, it } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import { Doorway, maxHandshakes } from '../../../../services/net/session/doorway.ts';
import { SessionRefused } from '../../../../services/net/session/session.ts';
import { connectSession } from '../../../../services/net/session/stream.ts';

const identity = Identity.generate();
const options = { identity, purpose: 'link', accept: () => true } as const;

it('lets whoever means it in past those that say nothing, and of too many of these the oldest goes', async () => {
  const doorway = new Doorway();
  const end = new AbortController();
  const silent = Array.from({ length: maxHandshakes }, () => {
    const [stream] = duplexPair();
    return {
      stream,
      over: doorway.accept(stream, { ...options, signal: end.signal }).catch((error) => error),
    };
  });
  const [near, far] = duplexPair();
  const guest = Identity.generate();
  const [session] = await Promise.all([
    doorway.accept(near, options),
    connectSession(far, { ...options, identity: guest }),
  ]);
  expect(session.remote).toBe(guest.publicKey);
  expect(await silent[0]?.over).toBeInstanceOf(SessionRefused);
  expect(silent.map(({ stream }) => stream.destroyed).indexOf(false)).toBe(1);
  // Whoever has come in makes room: nobody else has to go.
  const [late] = duplexPair();
  const over = doorway.accept(late, { ...options, signal: end.signal }).catch((error) => error);
  expect(silent[1]?.stream.destroyed).toBe(false);
  end.abort(new Error('the test is over'));
  expect(await over).toEqual(new Error('the test is over'));
  expect(await silent[1]?.over).toEqual(new Error('the test is over'));
});
