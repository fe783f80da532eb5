import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { once } from 'node:events';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { explain } from '../transport/transport.ts';
import { NUMBER_BYTES } from './udp-packet.ts';

/** Takes a packet that was sent to one of the numbers of a port. */
export type TakePacket = (packet: Buffer) => void;

/** Bytes that the system keeps for packets that come while this process does something else. */
const socketBufferBytes = 2 * 1024 * 1024;
/** Bytes that may wait to be sent when the system takes no more; what comes then is dropped. */
const maxQueuedBytes = 256 * 1024;
const MAPPED = '::ffff:';

/** The UDP socket of a node. All its links share it: the number at the start of a packet says whose it is. */
export class UdpPort {
  readonly #socket: Socket;
  readonly #receivers = new Map<number, TakePacket>();
  /** UDP port. */
  readonly port: number;
  readonly #family: string;
  #open = true;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const { port, family } = socket.address();
    this.port = port;
    this.#family = family;
    socket.on('message', (packet) => this.#receive(packet));
    // Whatever happens to a packet's way counts as its loss. A socket that failed for good carries none, and the links
    // see that nothing passes.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#open = false;
    });
  }

  /** @param host an address of this machine, or its name. @throws {TransportError} when the address is in use or not this machine's */
  static async bind(host: string, port: number): Promise<UdpPort> {
    const type = isIPv6(host) ? 'udp6' : 'udp4';
    const socket = createSocket({
      ...{ type, recvBufferSize: socketBufferBytes, sendBufferSize: socketBufferBytes },
      // Packets go to addresses, which need no search; only what is listened on may be a name.
      lookup: (address, options, callback) => {
        const family = isIP(address);
        if (family === 0) lookup(address, options, callback);
        else callback(null, address, family);
      },
    });
    try {
      // Before it binds: with this lookup it may listen at once.
      const listening = once(socket, 'listening');
      socket.bind({ address: host, port });
      await listening;
    } catch (cause) {
      socket.close();
      throw explain(`${host}:${port}`, 'listen', cause);
    }
    return new UdpPort(socket);
  }

  /** @returns the number under which `take` gets packets from now on */
  add(take: TakePacket): number {
    let number: number;
    do number = randomInt(2 ** 32);
    while (this.#receivers.has(number));
    this.#receivers.set(number, take);
    return number;
  }

  remove(number: number): void {
    this.#receivers.delete(number);
  }

  /** Drops the packet when it cannot be sent at once. @param host an IP address */
  send(packet: Buffer, port: number, host: string): void {
    if (!this.#open || this.#socket.getSendQueueSize() > maxQueuedBytes) return;
    const address = this.#addressOf(host);
    if (address !== undefined) this.#socket.send(packet, port, address);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#receivers.clear();
    this.#socket.close();
  }

  #receive(packet: Buffer): void {
    if (packet.length < NUMBER_BYTES) return;
    this.#receivers.get(packet.readUInt32BE())?.(packet);
  }

  /** As this socket's family has it; undefined when it has no such addresses. */
  #addressOf(host: string): string | undefined {
    if (this.#family === 'IPv6') return isIPv4(host) ? MAPPED + host : host;
    const bare = host.startsWith(MAPPED) ? host.slice(MAPPED.length) : host;
    return isIPv4(bare) ? bare : undefined;
  }
}
