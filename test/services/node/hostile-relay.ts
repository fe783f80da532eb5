import type { EndRule } from '../../../services/net/control/rules.ts';
import { Identity } from '../../../services/net/keys.ts';
import { FrameType } from '../../../services/net/link/link.ts';
import type { Circuit } from '../../../services/node/circuit/circuit.ts';
import { initialCredit } from '../../../services/node/switch/port.ts';
import type { Frame, Rig, Stranger } from './rig.ts';

/** What a relay does with a message of a circuit: `send` passes something on. */
export type Treatment = (message: Buffer, send: (message: Buffer) => void) => void;

/** The message with a bit of one byte changed. */
export function flipped(message: Buffer, at: number): Buffer {
  const changed = Buffer.from(message);
  const index = Math.max(at, 0);
  changed.writeUInt8(changed.readUInt8(index) ^ 4, index);
  return changed;
}

const label = 7;

/**
 * A relay between two boards that keeps to the rules of links, so that nobody cuts it off, and does with the messages of
 * one circuit what it wants.
 */
export class HostileRelay {
  readonly #sides: readonly [Side, Side];
  treatment: Treatment = (message, send) => send(message);

  static async between(rig: Rig, one: string, other: string): Promise<HostileRelay> {
    const identity = Identity.generate();
    return new HostileRelay(await rig.stranger(one, identity), await rig.stranger(other, identity));
  }

  private constructor(one: Stranger, other: Stranger) {
    this.#sides = [new Side(one), new Side(other)];
    const [left, right] = this.#sides;
    left.onMessage = (message) => this.treatment(message, (each) => right.send(each));
    right.onMessage = (message) => this.treatment(message, (each) => left.send(each));
  }

  /** Gives a circuit between the two boards a path over this relay. */
  addPath(
    rig: Rig,
    names: readonly [string, string],
    [near, far]: readonly [Circuit, Circuit],
    path: number,
  ): void {
    const next = { neighbour: this.#sides[0].stranger.key, label };
    const [nearRule, farRule] = [near, far].map(
      ({ id, peer, opener }): EndRule => ({ circuit: id, path, peer, opener, weight: 1_000, next }),
    ) as [EndRule, EndRule];
    rig.board(names[1]).switch.addRule(farRule);
    far.addPath(farRule);
    rig.board(names[0]).switch.addRule(nearRule);
    near.addPath(nearRule);
  }
}

/** One link of the relay: takes all that comes, and sends no more than it may. */
class Side {
  readonly stranger: Stranger;
  readonly #waiting: Buffer[] = [];
  #credit = initialCredit;
  onMessage: (message: Buffer) => void = () => undefined;

  constructor(stranger: Stranger) {
    this.stranger = stranger;
    stranger.link.on('frame', (type, _label, payload) => this.#take({ type, label, payload }));
  }

  send(message: Buffer): void {
    this.#waiting.push(Buffer.from(message));
    this.#pump();
  }

  #take({ type, payload }: Frame): void {
    if (type === FrameType.credit) {
      this.#credit += payload.readUInt32BE();
      this.#pump();
    } else if (type === FrameType.data) {
      const credit = Buffer.alloc(4);
      credit.writeUInt32BE(payload.length);
      this.stranger.link.send(FrameType.credit, label, [credit]);
      this.onMessage(Buffer.from(payload));
    }
  }

  #pump(): void {
    for (let first = this.#waiting[0]; first && first.length <= this.#credit; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#credit -= first.length;
      this.stranger.link.send(FrameType.data, label, [first]);
    }
  }
}
