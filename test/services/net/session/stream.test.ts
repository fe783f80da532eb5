import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import {
  SessionInitiator,
  type SessionOptions,
  SessionRefused,
} from '../../../../services/net/session/session.ts';
import { acceptSession, connectSession } from '../../../../services/net/session/stream.ts';
import { closed, socketPair } from '../sockets.ts';

const [anna, boris] = [Identity.generate(), Identity.generate()];
const base = { purpose: 'link', accept: () => true } as const;
const annas: SessionOptions = { ...base, identity: anna };
const borises: SessionOptions = { ...base, identity: boris };

/** Gives what comes on one socket to the other, in chunks of so many bytes. */
function carry(from: Socket, to: Socket, bytes: number): void {
  from.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += bytes) to.write(chunk.subarray(at, at + bytes));
  });
  from.once('close', () => to.destroy());
}

function message(content: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([length, content]);
}

it('makes a session over a stream, and leaves what comes after it in there', async () => {
  const [here, there] = await socketPair();
  const accepted = acceptSession(there, borises);
  const connected = connectSession(here, annas).then((session) => {
    here.write('what follows');
    return session;
  });
  const [ours, theirs] = await Promise.all([connected, accepted]);
  expect(ours.hash).toEqual(theirs.hash);
  expect(theirs.remote).toBe(anna.publicKey);
  const [rest] = (await once(there, 'data')) as [Buffer];
  expect(rest.toString()).toBe('what follows');
  for (const event of ['readable', 'end', 'close']) expect(here.listenerCount(event)).toBeLessThanOrEqual(1);
  expect(here.listenerCount('readable')).toBe(0);
  here.destroy();
  there.destroy();
});

it('takes a handshake that comes byte by byte', async () => {
  const [[here, left], [right, there]] = [await socketPair(), await socketPair()];
  carry(left, right, 1);
  carry(right, left, 1);
  const [ours, theirs] = await Promise.all([connectSession(here, annas), acceptSession(there, borises)]);
  expect(ours.hash).toEqual(theirs.hash);
  here.destroy();
  await closed(there);
});

describe('the stream is destroyed, and the session refused', () => {
  const refused = async (work: Promise<unknown>, stream: Socket, said: string | RegExp): Promise<void> => {
    await expect(work).rejects.toThrow(SessionRefused);
    await expect(work).rejects.toThrow(said);
    expect(stream.destroyed).toBe(true);
  };

  it('when the other end says nothing', async () => {
    const [here, there] = await socketPair();
    await refused(acceptSession(there, { ...borises, timeoutMs: 50 }), there, 'no handshake within 0.05 s');
    await refused(connectSession(here, { ...annas, timeoutMs: 50 }), here, /no handshake within|closed/);
  });

  it('when the other end says a little from time to time', async () => {
    const [here, there] = await socketPair();
    here.on('error', () => undefined);
    const first = message(new SessionInitiator(annas).first);
    let sent = 0;
    const drip = setInterval(() => here.write(first.subarray(sent, ++sent)), 5);
    await refused(acceptSession(there, { ...borises, timeoutMs: 60 }), there, 'no handshake within 0.06 s');
    clearInterval(drip);
    expect(sent).toBeLessThan(first.length);
    here.destroy();
  });

  it('when the other end goes away in the middle', async () => {
    const [here, there] = await socketPair();
    here.end(message(new SessionInitiator(annas).first).subarray(0, 20));
    await refused(acceptSession(there, borises), there, 'the other end closed the connection');
    const [other, gone] = await socketPair();
    gone.resetAndDestroy();
    await refused(connectSession(other, annas), other, /was not finished: (read|write) E/);
  });

  it('when the other end speaks something else', async () => {
    const [here, there] = await socketPair();
    here.resume().write('GET / HTTP/1.1\r\n\r\n');
    await refused(
      acceptSession(there, borises),
      there,
      'announces a message of 18245 bytes: it speaks something else',
    );
    const [other, peer] = await socketPair();
    peer.resume().write(Buffer.alloc(2));
    await refused(connectSession(other, annas), other, 'announces a message of 0 bytes');
    const [third, wrong] = await socketPair();
    wrong.resume().write(message(Buffer.from('SSH-2.0-OpenSSH_9.2')));
    await refused(
      acceptSession(third, borises),
      third,
      'does not begin a session: is another service at this address?',
    );
  });

  it('when the other end is somebody else, and both are told', async () => {
    const [here, there] = await socketPair();
    const accepted = acceptSession(there, borises);
    const accept = () => false;
    await refused(
      connectSession(here, { ...annas, accept }),
      here,
      `${boris.publicKey} is not admitted here`,
    );
    await refused(accepted, there, 'the other end closed the connection');
  });

  it('when it is given up, with the reason for that', async () => {
    const [here, there] = await socketPair();
    const end = new AbortController();
    const work = acceptSession(there, { ...borises, signal: end.signal });
    end.abort(new Error('going down'));
    await expect(work).rejects.toThrow('going down');
    expect(there.destroyed).toBe(true);
    await expect(connectSession(here, { ...annas, signal: end.signal })).rejects.toThrow('going down');
    expect(here.destroyed).toBe(true);
  });
});
