import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closeTimeoutMs } from '../../signal/channel.ts';
import type { PublicKey } from '../keys.ts';
import type { CipherState } from '../noise/state.ts';
import { type Session, SessionRefused } from '../session/session.ts';
import { takeBytes } from '../wide-socket.ts';
import { BadFrame, FrameType, PING_BYTES, UDP_BYTES } from './frames.ts';
import { lowBacklog, Outgoing } from './outgoing.ts';
import { Pings } from './pings.ts';
import { RecordReader } from './record-reader.ts';
import { Rekeying, type RekeyLimits } from './rekeying.ts';
import { RoundTrip } from './round-trip.ts';
import { UdpFlow } from './udp-flow.ts';
import { MAX_UDP_PAYLOAD_BYTES } from './udp-packet.ts';
import type { UdpPort } from './udp-port.ts';

export { FrameType } from './frames.ts';

export interface LinkEvents {
  /** DATA, CREDIT, DATAGRAM or DOWN has come. The payload is there until the listener returns: who keeps it copies it. */
  frame: [type: number, label: number, payload: Buffer];
  /** Less than 256 KiB wait, after it was more. */
  drain: [];
}

export interface LinkOptions {
  /** For datagrams beside a TCP connection; without it they go over the connection too. */
  udp?: UdpPort | undefined;
  /** Milliseconds between pings. Default a second. A neighbour that is silent for four times as long is lost. */
  pingMs?: number;
  /** When keys are renewed. */
  rekey?: Partial<RekeyLimits>;
}

export interface LinkFigures {
  /** Smoothed round-trip time, in seconds; 0 before the first was measured. */
  rtt: number;
  /** Part of the packets over UDP that get lost, 0–1; 0 where UDP does not pass. */
  loss: number;
  /** Part of the time in which something waits to be sent, 0–1, over some seconds. */
  load: number;
  /** Bytes of payload of DATA and DATAGRAM. */
  sent: number;
  received: number;
}

const defaultPingMs = 1_000;
/** Pings without anything coming back, after which the neighbour is lost. */
const silentTicks = 4;

/**
 * The link with a neighbour (section 2 of `docs/protocol.md`).
 *
 * INVARIANT: frames arrive whole, once and in the order in which they were sent, except that a DATAGRAM may be missing or
 * out of order; whatever else happens ends the link.
 */
export class Link extends EventEmitter<LinkEvents> {
  readonly remote: PublicKey;
  /** Resolves with the reason once the link is over; never rejects. */
  readonly closed: Promise<string>;
  readonly #closed = Promise.withResolvers<string>();
  readonly #stream: Duplex;
  readonly #outgoing: Outgoing;
  readonly #reader: RecordReader;
  readonly #rekeying: Rekeying;
  readonly #udp: UdpFlow | undefined;
  readonly #pings = new Pings();
  readonly #roundTrip = new RoundTrip();
  readonly #timer: NodeJS.Timeout;
  #over = false;
  #silent = 0;
  #sent = 0;
  #received = 0;

  /** @param stream after the handshake; belongs to the link from now on */
  constructor(stream: Duplex, session: Session, options: LinkOptions = {}) {
    super();
    const { udp, pingMs = defaultPingMs, rekey = {} } = options;
    this.remote = session.remote;
    this.closed = this.#closed.promise;
    this.#stream = stream;
    this.#outgoing = new Outgoing(stream, session.send, {
      drained: () => this.emit('drain'),
      stuck: (bytes) => this.#cutOff(`${this.remote} does not read: ${bytes} bytes wait`),
    });
    this.#reader = new RecordReader(session.receive, (type, label, payload) =>
      this.#take(type, label, payload),
    );
    this.#rekeying = new Rekeying(session, rekey, {
      sendMessage: (payload) => this.#outgoing.add(FrameType.rekey, 0, [payload], payload.length),
      switchSending: (cipher) => this.#switchSending(cipher),
      switchReceiving: (cipher) => this.#switchReceiving(cipher),
    });
    this.#udp = this.#startUdp(udp, session);
    this.#timer = setInterval(() => this.#tick(pingMs), pingMs);
    stream.once('end', () => this.#finish(`${this.remote} closed the link`));
    stream.once('error', ({ message }) =>
      this.#finish(`the connection with ${this.remote} broke: ${message}`),
    );
    stream.once('close', () => this.#finish(`the connection with ${this.remote} was closed`));
    if (stream.destroyed) this.#finish(`the connection with ${this.remote} was closed`);
    else takeBytes(stream, (bytes) => this.#read(bytes));
  }

  /** Bytes that were given to {@link send} and that the stream has not taken yet. */
  get backlog(): number {
    return this.#outgoing.backlog;
  }

  get figures(): LinkFigures {
    return {
      rtt: this.#roundTrip.seconds,
      loss: this.#udp?.passes ? this.#udp.pings.loss : 0,
      load: this.#outgoing.load.load,
      sent: this.#sent,
      received: this.#received,
    };
  }

  /** DATAGRAM goes over UDP now. */
  get udpPasses(): boolean {
    return this.#udp?.passes === true;
  }

  /**
   * Sends DATA, CREDIT, DATAGRAM or DOWN, together with whatever else is sent in this turn of the event loop. Does nothing
   * once the link is over. A DATAGRAM is dropped while too much waits; all others are for the caller to hold back. The
   * parts must not be changed any more.
   *
   * @returns false when it was dropped
   */
  send(type: number, label: number, parts: readonly Buffer[]): boolean {
    if (this.#over) return false;
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    if (type === FrameType.datagram) {
      if (this.#udp?.passes && bytes <= MAX_UDP_PAYLOAD_BYTES) {
        this.#sent += bytes;
        this.#udp.send(type, label, parts, bytes);
        return true;
      }
      if (this.backlog > lowBacklog) return false;
    }
    if (type === FrameType.data || type === FrameType.datagram) this.#sent += bytes;
    this.#outgoing.add(type, label, parts, bytes);
    return true;
  }

  /** Sends what waits, as far as the neighbour takes it within a second. */
  close(reason: string): void {
    if (this.#over) return;
    this.#outgoing.flush();
    this.#finish(reason);
  }

  #startUdp(udp: UdpPort | undefined, { send, receive }: Session): UdpFlow | undefined {
    const host = this.#stream instanceof Socket ? this.#stream.remoteAddress : undefined;
    if (udp === undefined || host === undefined || this.#stream.destroyed) return undefined;
    const flow = new UdpFlow(udp, host, send, receive, (type, label, payload) =>
      this.#takePacket(flow, type, label, payload),
    );
    this.#outgoing.add(FrameType.udp, 0, [flow.announcement], UDP_BYTES);
    return flow;
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    this.#silent = 0;
    this.#endingOnFault(() => this.#reader.push(chunk));
  }

  #take(type: number, label: number, payload: Buffer): void {
    if (type > FrameType.down) {
      this.#takeOwn(type, payload);
      return;
    }
    if (type === FrameType.data || type === FrameType.datagram) this.#received += payload.length;
    this.emit('frame', type, label, payload);
  }

  /** Takes what concerns the link itself. */
  #takeOwn(type: number, payload: Buffer): void {
    switch (type) {
      case FrameType.ping:
        this.#outgoing.add(FrameType.pong, 0, [Buffer.from(payload)], PING_BYTES);
        break;
      case FrameType.pong:
        this.#answered(this.#pings, payload, this.#udp?.passes !== true);
        break;
      case FrameType.rekey:
        this.#rekeying.take(Buffer.from(payload));
        break;
      case FrameType.switch:
        this.#rekeying.switched();
        break;
      case FrameType.udp:
        this.#udp?.announced(payload);
    }
  }

  #takePacket(flow: UdpFlow, type: number, label: number, payload: Buffer): void {
    if (type === FrameType.ping) flow.send(FrameType.pong, 0, [payload], PING_BYTES);
    else if (type === FrameType.pong) this.#answered(flow.pings, payload, true);
    else this.#take(type, label, payload);
  }

  /** Packets measure the way itself, where they pass: pings in the connection also wait behind what it carries. */
  #answered(pings: Pings, payload: Buffer, measures: boolean): void {
    const seconds = pings.answer(payload);
    if (seconds !== undefined && measures) this.#roundTrip.measured(seconds);
  }

  #tick(pingMs: number): void {
    // Turns are counted instead of time: a process that was stopped for a while has not looked whether something came.
    if (++this.#silent > silentTicks) {
      this.#cutOff(`nothing came from ${this.remote} for ${(silentTicks * pingMs) / 1000} s`);
      return;
    }
    this.#outgoing.load.tick();
    this.#outgoing.add(FrameType.ping, 0, [this.#pings.next()], PING_BYTES);
    this.#udp?.ping();
    this.#endingOnFault(() => this.#rekeying.tick({ sent: this.#sent, received: this.#received }));
  }

  #switchSending(cipher: CipherState): void {
    this.#outgoing.add(FrameType.switch, 0, [], 0);
    this.#outgoing.switchTo(cipher);
    this.#udp?.switchSending(cipher);
  }

  #switchReceiving(cipher: CipherState): void {
    this.#reader.cipher = cipher;
    this.#udp?.switchReceiving(cipher);
  }

  #endingOnFault(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof BadFrame) this.#cutOff(`${this.remote} sent ${error.message}`);
      else if (error instanceof SessionRefused)
        this.#cutOff(`keys could not be renewed with ${this.remote}: ${error.message}`);
      else throw error;
    }
  }

  #cutOff(reason: string): void {
    this.#finish(reason);
    this.#stream.destroy();
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#udp?.close();
    this.#outgoing.stop();
    this.#reader.stop();
    this.#closed.resolve(reason);
    if (this.#stream.destroyed) return;
    const timer = setTimeout(() => this.#stream.destroy(), closeTimeoutMs);
    this.#stream.once('close', () => clearTimeout(timer));
    this.#stream.end(() => this.#stream.destroy());
  }
}
