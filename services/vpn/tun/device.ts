import { closeSync } from 'node:fs';
import { TunError } from './errors.ts';
import { type Libc, loadLibc } from './libc.ts';
import { errorName, openTun } from './open.ts';

export interface TunEvents {
  /** What the kernel sent into the interface, whole IP packets, in order. The buffers are the receiver's own. */
  onPackets(packets: Buffer[]): void;
  /** The interface was removed by somebody else; the device is closed. */
  onLost(error: TunError): void;
}

/** Packets read in one turn of the event loop: enough to share the cost of a turn, few enough to let others have theirs. */
const BATCH_PACKETS = 64;
/** No IP packet is longer, whatever the MTU. */
const MOST_BYTES = 65_535;
/** Packets are read side by side into pieces of memory of this size. */
const SLAB_BYTES = 256 * 1024;

/**
 * A network interface whose other end is this process. It has no queue of its own: what the kernel cannot take is
 * dropped and counted, and what is not read waits in the kernel's, which drops likewise.
 */
export class TunDevice {
  readonly name: string;
  readonly #libc: Libc;
  #events: TunEvents | undefined;
  #poll: { close(): void } | undefined;
  #fd: number | undefined;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  #reading: NodeJS.Immediate | undefined;
  #dropped = 0;

  /** Makes the interface. @throws {TunError} */
  static async open(name: string): Promise<TunDevice> {
    const libc = await loadLibc();
    return new TunDevice(libc, openTun(libc, { name, offload: false }), name);
  }

  private constructor(libc: Libc, fd: number, name: string) {
    this.name = name;
    this.#libc = libc;
    this.#fd = fd;
  }

  /** Begins to read; until then packets wait in the kernel. */
  start(events: TunEvents): void {
    if (this.#fd === undefined || this.#poll) return;
    this.#events = events;
    // Reading in a phase of the event loop's own: there exceptions surface and promises go on.
    this.#poll = this.#libc.poll(this.#fd, () => {
      this.#reading ??= setImmediate(() => this.#drain());
    });
  }

  /** Packets that the kernel did not take. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Hands one IP packet to the kernel as if it had come in by this interface. Dropped when the kernel does not take it. */
  write(packet: Buffer): void {
    if (this.#fd === undefined || this.#libc.write(this.#fd, packet, packet.length) === -1) this.#dropped++;
  }

  /** Removes the interface, and with it its addresses and routes. */
  close(): void {
    if (this.#fd === undefined) return;
    this.#poll?.close();
    clearImmediate(this.#reading);
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #drain(): void {
    this.#reading = undefined;
    const packets: Buffer[] = [];
    let failure: TunError | undefined;
    while (packets.length < BATCH_PACKETS) {
      const packet = this.#read();
      if (packet instanceof TunError) failure = packet;
      if (!(packet instanceof Buffer)) break;
      packets.push(packet);
    }
    if (packets.length > 0) this.#events?.onPackets(packets);
    if (failure) {
      this.close();
      this.#events?.onLost(failure);
    }
  }

  /** @returns undefined when nothing waits */
  #read(): Buffer | TunError | undefined {
    if (this.#fd === undefined) return undefined;
    if (this.#slab.length - this.#used < MOST_BYTES) {
      // The old one belongs to the packets in it.
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const room = this.#slab.subarray(this.#used, this.#used + MOST_BYTES);
    const length = this.#libc.read(this.#fd, room, MOST_BYTES);
    if (length > 0) {
      this.#used += length;
      return room.subarray(0, length);
    }
    const why = errorName(this.#libc.errno());
    if (why === 'EAGAIN' || why === 'EINTR') return undefined;
    return new TunError('lost', `the interface ${this.name} was removed by somebody else`);
  }
}
