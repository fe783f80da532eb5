import { once } from 'node:events';
import type { Socket } from 'node:net';
import { vi } from 'vitest';
import { Identity } from '../../../../services/net/keys.ts';
import { Link, type LinkOptions } from '../../../../services/net/link/link.ts';
import { RecordReader } from '../../../../services/net/link/record-reader.ts';
import { RecordWriter } from '../../../../services/net/link/record-writer.ts';
import {
  type Session,
  SessionInitiator,
  type SessionOptions,
  SessionResponder,
} from '../../../../services/net/session/session.ts';
import { closed, socketPair } from '../sockets.ts';

/** A frame that has arrived. */
export interface Frame {
  type: number;
  label: number;
  payload: Buffer;
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
export async function linkPair(
  options: LinkOptions = {},
  others: LinkOptions = options,
  accept?: SessionOptions['accept'],
): Promise<[Link, Link]> {
  const [streams, sessions] = [await socketPair(), sessionPair(accept)];
  return [new Link(streams[0], sessions[0], options), new Link(streams[1], sessions[1], others)];
}

/** Two links with a program between them that may change what goes from the first to the second. */
export async function tappedPair(tap: (chunk: Buffer) => Buffer): Promise<[Link, Link]> {
  const [[first, left], [right, second], sessions] = [await socketPair(), await socketPair(), sessionPair()];
  left.on('data', (chunk: Buffer) => right.write(tap(chunk)));
  right.on('data', (chunk: Buffer) => left.write(chunk));
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.on('error', () => undefined);
    one.once('close', () => other.destroy());
  }
  return [new Link(first, sessions[0]), new Link(second, sessions[1])];
}

/** The end of a connection with a link, that sends and reads whatever a test wants. */
export class RawEnd {
  readonly socket: Socket;
  readonly session: Session;
  readonly #writer = new RecordWriter();
  readonly frames: Frame[] = [];

  constructor(socket: Socket, session: Session) {
    this.socket = socket;
    this.session = session;
    socket.on('error', () => undefined);
  }

  /** Takes what the link sends. */
  read(): this {
    const reader = new RecordReader(this.session.receive, (type, label, payload) =>
      this.frames.push({ type, label, payload }),
    );
    this.socket.on('data', (chunk: Buffer) => reader.push(chunk));
    return this;
  }

  /** A record with one frame, whatever it may be. */
  record(type: number, label: number, payload: Buffer): Buffer {
    this.#writer.add(type, label, [payload], payload.length);
    return Buffer.concat(this.#writer.take(this.session.send));
  }

  /** A record with such headers and such a payload, whether they fit each other or not. */
  seal(headers: Buffer, payload: Buffer): Buffer {
    const head = Buffer.alloc(4);
    head.writeUInt32BE((headers.length / 8) * 2 ** 24 + payload.length);
    return Buffer.concat([head, this.session.send.seal([head, payload], headers), payload]);
  }

  /** Waits for a frame of this type. */
  async frame(type: number): Promise<Frame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type);
      if (found !== undefined) return found;
      if (this.socket.destroyed) throw new Error(`the link sent no frame of type ${type}`);
      await Promise.race([once(this.socket, 'data'), closed(this.socket)]);
    }
  }
}

/** A link, and the raw end of its connection. The link has the larger key when `large`. */
export async function linkAndRaw(options: LinkOptions = {}, large = true): Promise<[Link, RawEnd]> {
  const [streams, sessions] = [await socketPair(), sessionPair()];
  const [own, other] = large ? [sessions[1], sessions[0]] : [sessions[0], sessions[1]];
  return [new Link(streams[0], own, options), new RawEnd(streams[1], other)];
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

/** Ends a link and the one at the other end. */
export async function closeAll(...links: Link[]): Promise<void> {
  for (const link of links) link.close('the test is over');
  await Promise.all(links.map(({ closed }) => closed));
}

/** Waits until `check` does not throw; the deadline is for hangs. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000, interval: 10 });
}
