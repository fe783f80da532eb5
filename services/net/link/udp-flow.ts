import type { CipherState } from '../noise/state.ts';
import { ReplayWindow } from '../replay-window.ts';
import { BadFrame, FrameType, PING_BYTES, UDP_BYTES } from './frames.ts';
import { Pings } from './pings.ts';
import type { TakeFrame } from './record-reader.ts';
import { openPacket, sealPacket } from './udp-packet.ts';
import type { UdpPort } from './udp-port.ts';

/**
 * The datagrams of a link that go beside it over UDP (section 2.3 of `docs/protocol.md`). What is not a packet of the
 * neighbour's, came before or was sealed with an old key is dropped.
 */
export class UdpFlow {
  readonly pings = new Pings();
  readonly #udp: UdpPort;
  /** Of the neighbour. */
  readonly #host: string;
  readonly #number: number;
  readonly #take: TakeFrame;
  #remote: { port: number; number: number } | undefined;
  #sending: CipherState;
  #counter = 0;
  #receiving: CipherState;
  #window = new ReplayWindow();

  /** @param host IP address of the neighbour. @param take gets what comes: DATAGRAM, PING and PONG */
  constructor(udp: UdpPort, host: string, sending: CipherState, receiving: CipherState, take: TakeFrame) {
    this.#udp = udp;
    this.#host = host;
    this.#sending = sending;
    this.#receiving = receiving;
    this.#take = take;
    this.#number = udp.add((packet) => this.#receive(packet));
  }

  /** The payload of this end's UDP frame. */
  get announcement(): Buffer {
    const payload = Buffer.alloc(UDP_BYTES);
    payload.writeUInt16BE(this.#udp.port);
    payload.writeUInt32BE(this.#number, 2);
    return payload;
  }

  /** Packets get through to the neighbour and back. */
  get passes(): boolean {
    return this.#remote !== undefined && this.pings.answered;
  }

  /** Takes the payload of the neighbour's UDP frame, and finds out whether packets pass. @throws {BadFrame} */
  announced(payload: Buffer): void {
    const port = payload.readUInt16BE();
    if (port === 0) throw new BadFrame('a UDP frame with port 0');
    this.#remote = { port, number: payload.readUInt32BE(2) };
    this.ping();
  }

  /** Sends what may be lost; nothing before the neighbour has said where to. `bytes` is the length of all parts. */
  send(type: number, label: number, parts: readonly Buffer[], bytes: number): void {
    if (this.#remote === undefined) return;
    const { port, number } = this.#remote;
    const to = { number, counter: this.#counter++ };
    this.#udp.send(sealPacket(this.#sending, to, { type, label }, parts, bytes), port, this.#host);
  }

  ping(): void {
    if (this.#remote !== undefined) this.send(FrameType.ping, 0, [this.pings.next()], PING_BYTES);
  }

  switchSending(cipher: CipherState): void {
    this.#sending = cipher;
    this.#counter = 0;
  }

  switchReceiving(cipher: CipherState): void {
    this.#receiving = cipher;
    this.#window = new ReplayWindow();
  }

  close(): void {
    this.#udp.remove(this.#number);
  }

  #receive(bytes: Buffer): void {
    const packet = openPacket(this.#receiving, bytes);
    if (packet !== undefined && this.#window.accept(packet.counter))
      this.#take(packet.type, packet.label, packet.payload);
  }
}
