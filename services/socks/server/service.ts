import type { Duplex } from 'node:stream';
import { carry } from '../../mesh/carry.ts';
import { abort } from '../../mesh/splice.ts';
import type { MeshChannel } from '../../mesh/types.ts';
import type { PublicKey } from '../../net/keys.ts';
import type { WideSocket } from '../../net/wide-socket.ts';
import { Shares } from '../../program/shares.ts';
import { Deadline } from '../deadline.ts';
import { farewell } from '../farewell.ts';
import { command, type Destination, decodeRequest, encodeReply, reply, SocksError } from '../protocol.ts';
import { readMessage } from '../read.ts';
import { Association } from './association.ts';
import { dial } from './dial.ts';
import type { Egress } from './egress.ts';
import type { Resolve } from './resolve.ts';

export interface ServiceOptions {
  egress: Egress;
  resolve: Resolve;
  /** Most streams and associations at a time, of which those of one node get a share ({@link Shares}). Default 4,096. */
  maxStreams?: number | undefined;
  /** Longest time for a request to come, in milliseconds. Default 10,000. */
  requestMs?: number | undefined;
  /** Longest time to resolve a name and connect, in milliseconds. Default 15,000. */
  connectMs?: number | undefined;
}

/**
 * The end of SOCKS that leads out. A stream begins with a request as in RFC 1928, section 4; it is answered with a reply
 * as in section 6, and then carries what is sent and received. A channel is an association: each datagram in it has the
 * header of section 7.
 */
export class SocksService {
  readonly #options: Required<{ [Key in keyof ServiceOptions]: NonNullable<ServiceOptions[Key]> }>;
  readonly #shares: Shares;
  readonly #streams = new Set<Duplex>();
  readonly #associations = new Set<Association>();
  /** Forth is towards the mesh's other end. */
  readonly #count = { forth: 0, back: 0 };
  #refused = 0;
  #stopping = false;

  constructor({ maxStreams = 4_096, requestMs = 10_000, connectMs = 15_000, ...rest }: ServiceOptions) {
    this.#options = { maxStreams, requestMs, connectMs, ...rest };
    this.#shares = new Shares(maxStreams);
  }

  get metrics(): { streams: number; associations: number; refused: number; sent: number; received: number } {
    return {
      streams: this.#streams.size,
      associations: this.#associations.size,
      refused: this.#refused,
      sent: this.#count.back,
      received: this.#count.forth,
    };
  }

  /**
   * Serves one stream to its end.
   * @param node from which it comes
   * @throws {MessageMissing} or why else nothing could be answered; the stream is the caller's to break off then
   */
  async serve(stream: Duplex, node: PublicKey): Promise<void> {
    // The stream closes then, which is what everybody here waits for.
    stream.on('error', () => undefined);
    if (!this.#hasRoom(node)) {
      this.#refuse(stream, new SocksError(reply.generalFailure, 'there are too many streams'));
      return;
    }
    this.#streams.add(stream);
    stream.once('close', () => {
      this.#streams.delete(stream);
      this.#shares.give(node);
    });
    try {
      const target = await this.#connect(await this.#readRequest(stream), stream);
      stream.write(encodeReply(reply.succeeded));
      await carry(target, stream, this.#count);
    } catch (error) {
      if (!(error instanceof SocksError)) throw error;
      this.#refuse(stream, error);
    }
  }

  serveChannel(channel: MeshChannel): void {
    const { node } = channel.remote;
    if (!this.#hasRoom(node)) {
      channel.close('there are too many streams');
      return;
    }
    const association = new Association(channel, { ...this.#options, count: this.#count });
    this.#associations.add(association);
    channel.once('close', () => {
      this.#associations.delete(association);
      this.#shares.give(node);
    });
  }

  /** Takes nothing new, and resolves when all streams have ended or `graceMs` has passed and they are broken off. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    for (const association of this.#associations) association.close('the server stops');
    const timer = setTimeout(() => {
      for (const stream of this.#streams) abort(stream, new Error('the server stops'));
    }, graceMs);
    await Promise.all(
      [...this.#streams].map((stream) => new Promise((resolve) => stream.once('close', resolve))),
    );
    clearTimeout(timer);
  }

  #hasRoom(node: PublicKey): boolean {
    return !this.#stopping && this.#shares.take(node);
  }

  async #readRequest(stream: Duplex): Promise<Destination> {
    using deadline = new Deadline(
      stream,
      this.#options.requestMs,
      () => new Error('no request came in time'),
    );
    const request = await readMessage(stream, decodeRequest, { what: 'request', signal: deadline.signal });
    if (request.command === command.connect) return request.destination;
    throw new SocksError(reply.commandNotSupported, `there is no command ${request.command} here`);
  }

  async #connect({ host, port }: Destination, stream: Duplex): Promise<WideSocket> {
    const { connectMs, resolve, egress } = this.#options;
    const late = () => new SocksError(reply.timeToLiveExpired, `${host} did not answer in ${connectMs} ms`);
    using deadline = new Deadline(stream, connectMs, late);
    const addresses = await resolve(host, deadline.signal);
    const permitted = addresses.filter((address) => egress.permits(address, port));
    if (permitted.length > 0) return dial(permitted, port, deadline.signal);
    throw new SocksError(reply.notAllowed, `the rules do not let anybody connect to ${host} port ${port}`);
  }

  #refuse(stream: Duplex, { code }: SocksError): void {
    this.#refused++;
    farewell(stream, encodeReply(code));
  }
}
