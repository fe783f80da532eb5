import type { Rule } from '../../net/control/rules.ts';
import { FrameType, type Link } from '../../net/link/link.ts';
import { Port, type Source } from './port.ts';

/** Bytes that may wait in a link's own buffers. More would only make what comes later wait behind what came first. */
const maxBacklog = 512 * 1024;

/**
 * What goes to one neighbour: the ports of all labels on the link with it, served in turn. Outlives the link: labels
 * belong to the neighbour, and a link that comes back carries the same ones.
 */
export class Outlet {
  readonly #sent: (port: Port, bytes: number) => void;
  readonly #ports = new Map<number, Port>();
  /** Ports in which something waits for which there is credit, in the order in which they have their turn. */
  readonly #turns = new Set<Port>();
  #link: Link | undefined;
  #pumping = false;

  /** @param sent told of the payload of DATA and DATAGRAM that was given to the link */
  constructor(sent: (port: Port, bytes: number) => void) {
    this.#sent = sent;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  get ports(): Iterable<Port> {
    return this.#ports.values();
  }

  get empty(): boolean {
    return this.#ports.size === 0;
  }

  port(label: number): Port | undefined {
    return this.#ports.get(label);
  }

  addPort(label: number, rule: Rule): Port {
    const port = new Port(label, rule, (bytes) => this.#giveCredit(label, bytes));
    this.#ports.set(label, port);
    return port;
  }

  removePort(label: number): void {
    const port = this.#ports.get(label);
    if (port === undefined) return;
    this.#ports.delete(label);
    this.#turns.delete(port);
    port.reset();
  }

  /** Takes a new link with the neighbour; the one there was is over. */
  connect(link: Link): void {
    this.disconnect();
    this.#link = link;
    link.on('drain', () => this.pump());
  }

  disconnect(): void {
    this.#link = undefined;
    this.#turns.clear();
    for (const port of this.#ports.values()) port.reset();
  }

  /**
   * Sends DATA, or keeps it until there is credit and room and others have had their turn. `from` is told when it has gone
   * out.
   */
  send(port: Port, parts: readonly Buffer[], bytes: number, from: Source | undefined): void {
    const link = this.#link;
    if (link === undefined) {
      from?.settle(bytes);
    } else if (this.#turns.size === 0 && link.backlog < maxBacklog && port.take(bytes)) {
      this.#give(link, port, parts, bytes);
      from?.settle(bytes);
    } else {
      port.wait(parts, bytes, from);
      this.#queue(port);
    }
  }

  /** Sends what may be lost. The link drops it when it is busy, which what goes beside it over UDP does not mind. */
  sendDatagram(port: Port, parts: readonly Buffer[]): void {
    if (this.#link?.send(FrameType.datagram, port.label, parts)) this.#sent(port, lengthOf(parts));
  }

  sendDown(label: number): void {
    this.#link?.send(FrameType.down, label, []);
  }

  /** @returns false when the neighbour gives back more than it got */
  credited(port: Port, bytes: number): boolean {
    if (!port.addCredit(bytes)) return false;
    this.#queue(port);
    return true;
  }

  /** Sends what waits, one frame of each port in turn, as long as there is room. */
  pump(): void {
    // Whoever is told that its frame has gone out may send the next one from within this.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      for (const port of this.#turns) {
        if (this.#link === undefined || this.#link.backlog >= maxBacklog) return;
        this.#turn(this.#link, port);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #turn(link: Link, port: Port): void {
    this.#turns.delete(port);
    const next = port.shift();
    if (next === undefined) return;
    // To the end of the turns.
    if (port.sendable) this.#turns.add(port);
    this.#give(link, port, next.parts, next.bytes);
    next.from?.settle(next.bytes);
  }

  #give(link: Link, port: Port, parts: readonly Buffer[], bytes: number): void {
    if (link.send(FrameType.data, port.label, parts)) this.#sent(port, bytes);
  }

  #queue(port: Port): void {
    if (!port.sendable) return;
    this.#turns.add(port);
    this.pump();
  }

  #giveCredit(label: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes);
    this.#link?.send(FrameType.credit, label, [payload]);
  }
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
