import { closeSync } from 'node:fs';
import { coalesce } from './coalesce.ts';
import { TunError } from './errors.ts';
import { type Libc, loadLibc } from './libc.ts';
import { errorName, openTun } from './open.ts';
import { segment } from './segment.ts';
import { readVirtio, VIRTIO_BYTES } from './virtio.ts';

export interface TunEvents {
  /** What the kernel sent into the interface, whole IP packets, in order. The buffers are the receiver's own. */
  onPackets(packets: Buffer[]): void;
  /** The interface was removed by somebody else; the device is closed. */
  onLost(error: TunError): void;
}

/** Packets read in one turn of the event loop: enough to share the cost of a turn, few enough to let others have theirs. */
const BATCH_PACKETS = 64;
/** No IP packet is longer, whatever the MTU: 65,535 bytes of payload behind a header of IPv6. */
const MOST_BYTES = VIRTIO_BYTES + 40 + 65_535;
/** Packets that were read lie side by side in pieces of memory of this size. */
const SLAB_BYTES = 256 * 1024;

/**
 * A network interface whose other end is this process. TCP passes between it and the kernel in trains of up to 64 KiB, each for the
 * price of a packet; here they are cut and put together, so that the other end of a tunnel need not know. There is no queue: what
 * the kernel does not take is dropped and counted, and what is not read waits in the kernel's, which drops likewise.
 */
export class TunDevice {
  readonly name: string;
  readonly #libc: Libc;
  #events: TunEvents | undefined;
  #poll: { close(): void } | undefined;
  #fd: number | undefined;
  readonly #input = Buffer.allocUnsafeSlow(MOST_BYTES);
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;
  #reading: NodeJS.Immediate | undefined;
  /** Packets of this turn of the event loop, for the kernel. */
  #output: Buffer[] = [];
  #dropped = 0;

  /** Makes the interface. @throws {TunError} */
  static async open(name: string): Promise<TunDevice> {
    const libc = await loadLibc();
    return new TunDevice(libc, openTun(libc, name), name);
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

  /** Packets, and trains of them, that the kernel did not take. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Hands a whole IP packet to the kernel as if it had come in by this interface, together with the others that come before
   * the event loop goes on. Dropped when the kernel does not take it.
   */
  write(packet: Buffer): void {
    if (this.#output.push(packet) === 1) process.nextTick(() => this.#flush());
  }

  /** Removes the interface, and with it its addresses and routes. */
  close(): void {
    if (this.#fd === undefined) return;
    this.#poll?.close();
    clearImmediate(this.#reading);
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    const packets = this.#output;
    this.#output = [];
    for (const bytes of coalesce(packets)) {
      if (this.#fd === undefined || this.#libc.write(this.#fd, bytes, bytes.length) === -1) this.#dropped++;
    }
  }

  #drain(): void {
    this.#reading = undefined;
    const packets: Buffer[] = [];
    let failure: TunError | undefined;
    while (packets.length < BATCH_PACKETS) {
      const read = this.#read();
      if (read instanceof TunError) failure = read;
      if (!Array.isArray(read)) break;
      packets.push(...read);
    }
    if (packets.length > 0) this.#events?.onPackets(packets);
    if (failure) {
      this.close();
      this.#events?.onLost(failure);
    }
  }

  /** @returns undefined when nothing waits */
  #read(): Buffer[] | TunError | undefined {
    if (this.#fd === undefined) return undefined;
    const length = this.#libc.read(this.#fd, this.#input, MOST_BYTES);
    if (length >= VIRTIO_BYTES)
      return segment(readVirtio(this.#input), this.#input.subarray(VIRTIO_BYTES, length), (bytes) =>
        this.#allocate(bytes),
      );
    const why = errorName(this.#libc.errno());
    if (why === 'EAGAIN' || why === 'EINTR') return undefined;
    return new TunError('lost', `the interface ${this.name} was removed by somebody else`);
  }

  #allocate(bytes: number): Buffer {
    if (this.#slab.length - this.#used < bytes) {
      // The old one belongs to the packets in it.
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    this.#used += bytes;
    return this.#slab.subarray(this.#used - bytes, this.#used);
  }
}
