import type { EndRule } from '../../net/control/rules.ts';
import type { PathEnd } from '../switch/switch.ts';
import type { Path } from './path.ts';
import type { PathSet } from './path-set.ts';
import type { Seals } from './seals.ts';
import type { Sender } from './sender.ts';

/** What carries the messages of paths: the node's switch. */
export interface PathCarrier {
  attach(rule: EndRule, end: PathEnd): void;
  isUp(rule: EndRule): boolean;
  /** Something can be sent without waiting. */
  isReady(rule: EndRule): boolean;
  send(rule: EndRule, message: readonly Buffer[], droppable: boolean): void;
}

const maxWaitingNotes = 16;

/** What goes out on the paths of a circuit: notes, as soon as there is room for them, and records once more. */
export class PathOutput {
  readonly #carrier: PathCarrier;
  readonly #paths: PathSet;
  readonly #seals: Seals;
  readonly #sender: Sender;

  constructor(carrier: PathCarrier, paths: PathSet, seals: Seals, sender: Sender) {
    this.#carrier = carrier;
    this.#paths = paths;
    this.#seals = seals;
    this.#sender = sender;
  }

  isReady(path: Path): boolean {
    return this.#carrier.isReady(path.rule);
  }

  /** A path on which something would not have to wait: this one if it can be. */
  readyPath(preferred: Path | undefined): Path | undefined {
    for (const path of [preferred, this.#paths.inUse, this.#paths.warm])
      if (path?.up && this.isReady(path)) return path;
    return undefined;
  }

  send(path: Path, message: readonly Buffer[]): void {
    this.#carrier.send(path.rule, message, false);
  }

  /** Sends a note, or keeps it until there is room; of too many the oldest is dropped. */
  sendNote(path: Path, note: Buffer): void {
    if (!this.#seals.ready) return;
    if (this.isReady(path)) {
      this.send(path, this.#seals.sealNote([note]));
      return;
    }
    if (path.notes.length >= maxWaitingNotes) path.notes.shift();
    path.notes.push(note);
  }

  /** There is room on a path: sends the notes that wait. */
  sendNotes(path: Path): void {
    while (this.isReady(path)) {
      const note = path.notes.shift();
      if (note === undefined) return;
      this.sendNote(path, note);
    }
  }

  /** Sends what a path has to send again, as far as there is room. */
  resend(path: Path): void {
    while (path.resend && this.isReady(path)) {
      const { next, last } = path.resend;
      const message = this.#sender.again(next, path.number);
      if (next >= last) path.resend = undefined;
      else path.resend.next++;
      if (message) this.send(path, message);
    }
  }
}
