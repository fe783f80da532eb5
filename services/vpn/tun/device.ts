import { closeSync } from 'node:fs';
import { LONGEST_BYTES, type Train } from '../train.ts';
import { coalesce } from './coalesce.ts';
import { TunError } from './errors.ts';
import { type Libc, loadLibc } from './libc.ts';
import { errorName, openTun } from './open.ts';
import { trainOf } from './segment.ts';
import { readVirtio, VIRTIO_BYTES } from './virtio.ts';

export interface TunEvents {
  /** What the kernel sent into the interface, in order. The buffers are the receiver's own. */
  onTrains(trains: Train[]): void;
  /** The interface was removed by somebody else; the device is closed. */
  onLost(error: TunError): void;
}

/** Read in one turn of the event loop: enough to share the cost of a turn, little enough to let others have theirs. */
const BATCH_TRAINS = 64;
const BATCH_BYTES = 256 * 1024;
const MOST_BYTES = VIRTIO_BYTES + LONGEST_BYTES;
/** What is read lies side by side in pieces of memory of this size. */
const SLAB_BYTES = 512 * 1024;

/**
 * A network interface whose other end is this process. TCP passes between it and the kernel in trains of up to 64 KiB, each for the
 * price of a packet. There is no queue: what the kernel does not take is dropped and counted, and what is not read waits in the
 * kernel's, which drops likewise.
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
  /** For the kernel, of this turn of the event loop. */
  #output: Train[] = [];
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
    if (this.#fd === undefined || this.#events) return;
    this.#events = events;
    this.resume();
  }

  /** Reads no more for now: packets wait in the kernel, and connections of this machine slow down before any is dropped. */
  pause(): void {
    this.#poll?.close();
    this.#poll = undefined;
    clearImmediate(this.#reading);
    this.#reading = undefined;
  }

  resume(): void {
    if (this.#fd === undefined || this.#poll) return;
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
   * Hands a packet or a train to the kernel as if it had come in by this interface, together with the others that come before
   * the event loop goes on. Dropped when the kernel does not take it.
   */
  write(train: Train): void {
    if (this.#output.push(train) === 1) process.nextTick(() => this.#flush());
  }

  /** Removes the interface, and with it its addresses and routes. */
  close(): void {
    if (this.#fd === undefined) return;
    this.pause();
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #flush(): void {
    const trains = this.#output;
    this.#output = [];
    coalesce(trains, (bytes) => {
      if (this.#fd === undefined || this.#libc.write(this.#fd, bytes, bytes.length) === -1) this.#dropped++;
    });
  }

  #drain(): void {
    this.#reading = undefined;
    const trains: Train[] = [];
    let bytes = 0;
    let failure: TunError | undefined;
    for (let count = 0; count < BATCH_TRAINS && bytes < BATCH_BYTES; count++) {
      const length = this.#read();
      if (length instanceof TunError) failure = length;
      if (typeof length !== 'number') break;
      const train = this.#take(length);
      bytes += length;
      if (train !== undefined) trains.push(train);
    }
    if (trains.length > 0) this.#events?.onTrains(trains);
    if (failure) {
      this.close();
      this.#events?.onLost(failure);
    }
  }

  /** Reads to where the slab is free. @returns how many bytes, undefined when nothing waits */
  #read(): number | TunError | undefined {
    if (this.#fd === undefined) return undefined;
    if (this.#slab.length - this.#used < MOST_BYTES) {
      // The old one belongs to what was read.
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const length = this.#libc.read(this.#fd, this.#slab.subarray(this.#used), MOST_BYTES);
    if (length >= VIRTIO_BYTES) return length;
    const why = errorName(this.#libc.errno());
    if (why === 'EAGAIN' || why === 'EINTR') return undefined;
    return new TunError('lost', `the interface ${this.name} was removed by somebody else`);
  }

  /** What was read. @returns undefined for what is not understood */
  #take(length: number): Train | undefined {
    const bytes = this.#slab.subarray(this.#used, this.#used + length);
    this.#used += length;
    const train = trainOf(readVirtio(bytes), bytes.subarray(VIRTIO_BYTES));
    // The header has been read.
    return train && { ...train, room: VIRTIO_BYTES };
  }
}
