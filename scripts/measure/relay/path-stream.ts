import { Duplex } from 'node:stream';
import type { EndRule } from '../../../services/net/control/rules.ts';
import { streamBufferBytes } from '../../../services/net/transport/transport.ts';
import type { Switch } from '../../../services/node/switch/switch.ts';

/**
 * A path of the mesh as a stream: what is written goes out in DATA frames as it is, and nobody seals or numbers it.
 * It is destroyed when the path is down.
 */
export class PathStream extends Duplex {
  readonly #carrier: Switch;
  readonly #rule: EndRule;
  /** Sends what had to wait. */
  #waiting: (() => void) | undefined;

  constructor(carrier: Switch, rule: EndRule) {
    super({ highWaterMark: streamBufferBytes });
    this.#carrier = carrier;
    this.#rule = rule;
    carrier.attach(rule, {
      receive: (message, settle) => {
        this.push(message);
        settle();
      },
      down: () => this.destroy(),
      ready: () => this.#waiting?.(),
    });
  }

  /** Whoever reads takes everything at once. */
  override _read(): void {
    return;
  }

  override _write(block: Buffer, _encoding: string, done: () => void): void {
    const send = () => {
      if (!this.#carrier.isReady(this.#rule)) return;
      this.#waiting = undefined;
      this.#carrier.send(this.#rule, [block], false);
      done();
    };
    this.#waiting = send;
    send();
  }
}
