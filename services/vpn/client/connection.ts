import { readLine } from '../../mesh/line.ts';
import type { MeshChannel, MeshStream, Target } from '../../mesh/types.ts';
import { formatHello, type Offer, parseOffer } from '../hello.ts';
import { LEAST_MTU } from '../system/interface.ts';

/** What of a mesh app a client needs. */
export interface Dialer {
  connect(to: Target, options: { signal: AbortSignal }): Promise<MeshStream>;
  connectChannel(to: Target, options: { signal: AbortSignal }): Promise<MeshChannel>;
}

/** Milliseconds in which a server answers the hello. */
const ANSWER_MS = 10_000;

/** The mesh between the two ends carries no packets of the size that IPv6 needs. */
export class ChannelTooSmall extends Error {
  override readonly name = 'ChannelTooSmall';
}

/** A server that has made its offer, and a way for packets to it. */
export class Connection {
  readonly offer: Offer;
  readonly channel: MeshChannel;
  /** Resolves, never rejects, with why the connection is over. */
  readonly closed: Promise<string>;
  readonly #stream: MeshStream;

  /** @throws {MeshError | Refused | ShapeError | SyntaxError | ChannelTooSmall} or the signal's reason */
  static async open(mesh: Dialer, server: Target, signal: AbortSignal): Promise<Connection> {
    const stream = await mesh.connect(server, { signal });
    let failure: Error | undefined;
    stream.on('error', (error) => {
      failure ??= error;
    });
    try {
      stream.write(formatHello({ trains: true }));
      const { text } = await readLine(stream, { timeoutMs: ANSWER_MS, signal });
      const offer = parseOffer(text);
      // The channel goes to the very app that made the offer, also where a name has come to mean another one.
      const channel = await mesh.connectChannel(stream.remote, { signal });
      if (channel.maxBytes < LEAST_MTU) {
        channel.close('too small');
        throw new ChannelTooSmall(
          `packets of ${channel.maxBytes} bytes pass to the server, a tunnel needs ${LEAST_MTU}`,
        );
      }
      return new Connection(stream, channel, offer, () => failure?.message);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  private constructor(
    stream: MeshStream,
    channel: MeshChannel,
    offer: Offer,
    failure: () => string | undefined,
  ) {
    this.offer = offer;
    this.channel = channel;
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    const streamClosed = () => resolve(failure() ?? 'the server has ended the session');
    if (stream.closed) streamClosed();
    stream.once('close', streamClosed);
    channel.once('close', resolve);
    stream.once('end', () => stream.destroy());
    stream.resume();
  }

  close(): void {
    this.channel.close('the client has ended the session');
    this.#stream.destroy();
  }
}
