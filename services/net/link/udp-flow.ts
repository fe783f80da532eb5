import type { CipherState } from '../noise/state.ts';
import { ForgedRecord, TAG_BYTES } from '../noise/suite.ts';
import { ReplayWindow } from '../replay-window.ts';
import { BadFrame, checkHeader, FrameType, HEADER_BYTES, UDP_BYTES } from './frames.ts';
import { Pings } from './pings.ts';
import type { TakeFrame } from './record-reader.ts';
import { NUMBER_BYTES, type UdpPort } from './udp-port.ts';

/** Number of the receiver (u32), counter (u64). */
const HEAD_BYTES = NUMBER_BYTES + 8;
const PAYLOAD_AT = HEAD_BYTES + HEADER_BYTES + TAG_BYTES;
/** A packet with its headers of IPv4 and UDP then has the 1,500 bytes of an Ethernet frame. */
export const MAX_UDP_PAYLOAD_BYTES = 1500 - 20 - 8 - PAYLOAD_AT;
/** Nonces of packets start here; records never get there. */
const FIRST_NONCE = 2 ** 52;

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

  /** Takes the payload of the neighbour's UDP frame. @throws {BadFrame} */
  announced(payload: Buffer): void {
    const port = payload.readUInt16BE();
    if (port === 0) throw new BadFrame('a UDP frame with port 0');
    this.#remote = { port, number: payload.readUInt32BE(2) };
  }

  /** Does nothing before the neighbour has said where to. */
  send(type: number, label: number, parts: readonly Buffer[], bytes: number): void {
    if (this.#remote === undefined) return;
    const packet = Buffer.allocUnsafe(PAYLOAD_AT + bytes);
    packet.writeUInt32BE(this.#remote.number);
    packet.writeBigUInt64BE(BigInt(this.#counter), NUMBER_BYTES);
    let end = PAYLOAD_AT;
    for (const part of parts) end += part.copy(packet, end);
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header.writeUInt32BE(type * 2 ** 24 + bytes);
    header.writeUInt32BE(label, 4);
    const nonce = FIRST_NONCE + this.#counter++;
    this.#sending.aead.seal(nonce, additionalOf(packet), header).copy(packet, HEAD_BYTES);
    this.#udp.send(packet, this.#remote.port, this.#host);
  }

  /** Sends a PING, which finds out whether packets pass. */
  tick(): void {
    if (this.#remote !== undefined) this.send(FrameType.ping, 0, [this.pings.next()], HEADER_BYTES);
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

  #receive(packet: Buffer): void {
    const header = this.#open(packet);
    if (header === undefined) return;
    const type = header.readUInt8();
    const label = header.readUInt32BE(4);
    const payload = packet.subarray(PAYLOAD_AT);
    if (header.readUIntBE(1, 3) !== payload.length || !carried.has(type)) return;
    try {
      checkHeader(type, label, payload.length);
    } catch (error) {
      if (error instanceof BadFrame) return;
      throw error;
    }
    this.#take(type, label, payload);
  }

  /** @returns the header of a packet that the neighbour has sent, and that has not come before */
  #open(packet: Buffer): Buffer | undefined {
    if (packet.length < PAYLOAD_AT || packet.length > PAYLOAD_AT + MAX_UDP_PAYLOAD_BYTES) return undefined;
    const counter = Number(packet.readBigUInt64BE(NUMBER_BYTES));
    if (counter >= FIRST_NONCE) return undefined;
    let header: Buffer;
    try {
      const sealed = packet.subarray(HEAD_BYTES, PAYLOAD_AT);
      header = this.#receiving.aead.open(FIRST_NONCE + counter, additionalOf(packet), sealed);
    } catch (error) {
      if (error instanceof ForgedRecord) return undefined;
      throw error;
    }
    return this.#window.accept(counter) ? header : undefined;
  }
}

const carried: ReadonlySet<number> = new Set([FrameType.datagram, FrameType.ping, FrameType.pong]);

function additionalOf(packet: Buffer): Buffer | Buffer[] {
  const head = packet.subarray(0, HEAD_BYTES);
  return packet.length === PAYLOAD_AT ? head : [head, packet.subarray(PAYLOAD_AT)];
}
