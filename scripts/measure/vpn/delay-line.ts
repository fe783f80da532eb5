/** One direction of a long cable: what is sent comes out later, in the order in which it was sent, or gets lost. */
export class DelayLine<Packet> {
  readonly #deliver: (packet: Packet) => void;
  readonly #delayMs: number;
  readonly #loses: () => boolean;
  #waiting: { due: number; packet: Packet }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param loses asked once for each packet */
  constructor(deliver: (packet: Packet) => void, delayMs: number, loses: () => boolean) {
    this.#deliver = deliver;
    this.#delayMs = delayMs;
    this.#loses = loses;
  }

  send(packets: readonly Packet[]): void {
    const due = performance.now() + this.#delayMs;
    for (const packet of packets) if (!this.#loses()) this.#waiting.push({ due, packet });
    this.#arm();
  }

  #arm(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flush();
      },
      Math.max(0, next.due - performance.now()),
    );
  }

  #flush(): void {
    const now = performance.now();
    const later = this.#waiting.findIndex(({ due }) => due > now);
    const over = this.#waiting.splice(0, later === -1 ? this.#waiting.length : later);
    for (const { packet } of over) this.#deliver(packet);
    this.#arm();
  }
}
