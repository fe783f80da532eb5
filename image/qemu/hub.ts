import { chmod, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { seededRandom } from '../seeded-random.ts';
import { type Frame, FrameError, FrameReader, isGroup } from './frames.ts';
import { Line } from './line.ts';

/** MAC addresses that one port may be known by: a board that makes up addresses must not fill the table. */
const MAX_ADDRESSES = 32;
/** `sun_path` of Linux holds 108 bytes with its closing zero. */
const MAX_PATH = 107;

export interface HubOptions {
  /** Seeds the choice of the frames that `drop` loses, so that a run can be repeated. Default 1. */
  seed?: number;
}

/** What is wrong with the line of one board. */
interface Fault {
  cut: boolean;
  /** Milliseconds each frame takes longer, either way. */
  delay: number;
  /** Probability with which a frame is lost, either way. */
  drop: number;
}

interface Port {
  socket: Socket;
  line: Line;
  addresses: Set<string>;
}

export interface HubCounters {
  forwarded: number;
  /** Lost to a cut line or by `drop`. */
  faulty: number;
  /** Lost because the receiver did not read. */
  overflowed: number;
  /** Ports that were closed because they did not keep to the framing. */
  malformed: number;
}

/**
 * An Ethernet switch for boards in QEMU (`-netdev stream` on a Unix socket), whose lines can be cut, slowed and made
 * lossy. It learns which port has which MAC address; a fault is named by the address and holds for the whole port
 * that has sent from it, both ways. A port that has sent nothing yet is hit by no fault.
 */
export class Hub {
  readonly path: string;
  readonly counters: HubCounters = { forwarded: 0, faulty: 0, overflowed: 0, malformed: 0 };
  readonly #server: Server;
  readonly #ports = new Set<Port>();
  readonly #faults = new Map<string, Fault>();
  readonly #random: () => number;

  private constructor(path: string, server: Server, random: () => number) {
    this.path = path;
    this.#server = server;
    this.#random = random;
    server.on('connection', (socket) => this.#plugIn(socket));
  }

  /** Listens on a Unix socket that only this user may open. */
  static async listen(path: string, { seed = 1 }: HubOptions = {}): Promise<Hub> {
    const absolute = resolve(path);
    if (Buffer.byteLength(absolute) > MAX_PATH) {
      throw new Error(
        `${absolute}: a Unix socket's path has at most ${MAX_PATH} bytes; choose a shorter one`,
      );
    }
    await removeAbandoned(absolute);
    const server = createServer();
    const hub = new Hub(absolute, server, seededRandom(seed));
    await new Promise<void>((listening, reject) => {
      server.once('error', reject);
      server.listen(absolute, listening);
    });
    await chmod(absolute, 0o600);
    return hub;
  }

  /** Pulls the cable of the board with this MAC address. */
  cut(mac: string): void {
    this.#fault(mac).cut = true;
  }

  /** Ends every fault of the board with this MAC address. */
  restore(mac: string): void {
    this.#faults.delete(parseMac(mac));
  }

  /** Makes every frame from and to this board take `ms` longer; their order stays. */
  delay(mac: string, ms: number): void {
    if (!(ms >= 0 && ms <= 60_000)) throw new RangeError(`a delay of ${ms} ms: give 0 to 60000`);
    this.#fault(mac).delay = ms;
  }

  /** Loses each frame from and to this board with a probability. */
  drop(mac: string, probability: number): void {
    if (!(probability >= 0 && probability <= 1))
      throw new RangeError(`a probability of ${probability}: give 0 to 1`);
    this.#fault(mac).drop = probability;
  }

  /** MAC addresses seen so far, a list a port. */
  addresses(): string[][] {
    return [...this.#ports].map((port) => [...port.addresses]);
  }

  async close(): Promise<void> {
    for (const port of this.#ports) port.socket.destroy();
    await new Promise<void>((closed) => {
      this.#server.close(() => closed());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #fault(mac: string): Fault {
    const key = parseMac(mac);
    const fault = this.#faults.get(key) ?? { cut: false, delay: 0, drop: 0 };
    this.#faults.set(key, fault);
    return fault;
  }

  #plugIn(socket: Socket): void {
    const port: Port = { socket, line: new Line(socket), addresses: new Set() };
    const reader = new FrameReader();
    this.#ports.add(port);
    socket.on('data', (chunk) => {
      try {
        for (const frame of reader.read(chunk)) this.#onFrame(frame, port);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
        // Frames cannot be found again in a stream out of step: this port is lost, the others are not.
        this.counters.malformed += 1;
        socket.destroy();
      }
    });
    // An error is always followed by close, and a port that is gone needs no more than that.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ports.delete(port);
      port.line.close();
    });
  }

  #onFrame(frame: Frame, from: Port): void {
    this.#learn(frame.source, from);
    for (const to of this.#receivers(frame, from)) {
      const faults = [...this.#faultsOf(from), ...this.#faultsOf(to)];
      if (faults.some((fault) => fault.cut || (fault.drop > 0 && this.#random() < fault.drop))) {
        this.counters.faulty += 1;
        continue;
      }
      const delay = faults.reduce((sum, fault) => sum + fault.delay, 0);
      if (to.line.send(frame.wire, delay)) this.counters.forwarded += 1;
      else this.counters.overflowed += 1;
    }
  }

  #learn(mac: string, port: Port): void {
    if (isGroup(mac) || port.addresses.has(mac)) return;
    for (const other of this.#ports) other.addresses.delete(mac);
    if (port.addresses.size < MAX_ADDRESSES) port.addresses.add(mac);
  }

  #receivers(frame: Frame, from: Port): Port[] {
    if (from.addresses.has(frame.destination)) return [];
    const others = [...this.#ports].filter((port) => port !== from);
    const owner = others.find((port) => port.addresses.has(frame.destination));
    return owner === undefined ? others : [owner];
  }

  #faultsOf(port: Port): Fault[] {
    return [...port.addresses].flatMap((mac) => this.#faults.get(mac) ?? []);
  }
}

/** Removes the socket of a hub that was killed: nobody listens on it, and it would be in the way. */
async function removeAbandoned(path: string): Promise<void> {
  const answer = await new Promise<string | undefined>((done) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      done(undefined);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => done(error.code));
  });
  if (answer === 'ECONNREFUSED') await rm(path);
}

/** @throws RangeError */
function parseMac(text: string): string {
  const mac = text.toLowerCase();
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) throw new RangeError(`${text}: not a MAC address`);
  return mac;
}
