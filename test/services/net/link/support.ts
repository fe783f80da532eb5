import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Identity } from '../../../../services/net/keys.ts';
import { Link } from '../../../../services/net/link/link.ts';
import type { Session, SessionOptions } from '../../../../services/net/session/session.ts';
import { SessionInitiator, SessionResponder } from '../../../../services/net/session/session.ts';

/** A frame that has arrived. */
export interface Frame {
  type: number;
  label: number;
  payload: Buffer;
}

/** Two ends of a TCP connection over loopback. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const dialled = connect({ port: address.port, host: '127.0.0.1', noDelay: true });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  if (dialled.connecting) await once(dialled, 'connect');
  server.close();
  return [dialled, accepted];
}

/** Two ends of one session, without a stream; the first has the smaller key. */
export function sessionPair(accept: SessionOptions['accept'] = () => true): [Session, Session] {
  const [a, b] = [Identity.generate(), Identity.generate()];
  const [small, large] = a.publicKey < b.publicKey ? [a, b] : [b, a];
  const initiator = new SessionInitiator({ identity: small, purpose: 'link', accept });
  const responder = new SessionResponder({ identity: large, purpose: 'link', accept });
  const { third, session } = initiator.answer(responder.answer(initiator.first));
  return [session, responder.finish(third)];
}

/** Two links joined over loopback; the first has the smaller key. */
export async function linkPair(): Promise<[Link, Link]> {
  const [streams, sessions] = [await socketPair(), sessionPair()];
  return [new Link(streams[0], sessions[0]), new Link(streams[1], sessions[1])];
}

/** Resolves with the next `count` frames of a link. */
export function frames(link: Link, count: number): Promise<Frame[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Frame[]>();
  const got: Frame[] = [];
  const take = (type: number, label: number, payload: Buffer): void => {
    got.push({ type, label, payload });
    if (got.length < count) return;
    link.off('frame', take);
    resolve(got);
  };
  link.on('frame', take);
  void link.closed.then((reason) => reject(new Error(`the link is over after ${got.length}: ${reason}`)));
  return promise;
}
