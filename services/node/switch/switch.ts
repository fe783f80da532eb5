import { EventEmitter } from 'node:events';
import { limits } from '../../net/control/messages.ts';
import { type End, type EndRule, endsOf, type Rule } from '../../net/control/rules.ts';
import type { PublicKey } from '../../net/keys.ts';
import { FrameType, type Link } from '../../net/link/link.ts';
import { Outlet } from './outlet.ts';
import type { Port } from './port.ts';

/** A rule that cannot be had beside those there are. */
export class RuleConflict extends Error {
  override readonly name = 'RuleConflict';
}

/** What the switch needs of the end of a path. */
export interface PathEnd {
  /** A message of the circuit. `settle` says that these bytes were taken. */
  receive(message: Buffer, settle: () => void): void;
  /** The path leads nowhere any more. */
  down(): void;
  /** Something may be sent again. */
  ready(): void;
}

/** Most rules of one node: it tells all of them to its manager at once. */
export const maxRules = limits.rules;

export interface SwitchEvents {
  /** Bytes of DATA and DATAGRAM payload of a circuit that came from one neighbour were given to the link with another. */
  relayed: [rule: Rule, from: PublicKey, to: PublicKey, bytes: number];
}

/**
 * Label switching: frames come in on a link with a label, and go out at the other side of the label's rule.
 *
 * INVARIANT: a label of a neighbour belongs to one rule; what a rule's side received is given back as credit once it
 * has gone out at the other side or was dropped there.
 */
export class Switch extends EventEmitter<SwitchEvents> {
  readonly #outlets = new Map<PublicKey, Outlet>();
  readonly #pathEnds = new Map<Rule, PathEnd>();
  readonly #rules = new Map<string, Rule>();

  /** All rules, for a manager that has forgotten them. */
  get rules(): Rule[] {
    return [...this.#rules.values()];
  }

  /** @throws {RuleConflict} when a label is in use, or there are too many rules; nothing changes then */
  addRule(rule: Rule): void {
    if (this.#rules.size >= maxRules) throw new RuleConflict(`more than ${maxRules} rules`);
    if (this.#rules.has(nameOf(rule)))
      throw new RuleConflict(`path ${rule.path} of circuit ${rule.circuit} is here already`);
    const ends = endsOf(rule);
    for (const { neighbour, label } of ends)
      if (this.#outlets.get(neighbour)?.port(label))
        throw new RuleConflict(`label ${label} with ${neighbour} is in use`);
    if (ends.length === 2 && ends[0]?.neighbour === ends[1]?.neighbour)
      throw new RuleConflict('a relay needs two neighbours');
    this.#rules.set(nameOf(rule), rule);
    for (const { neighbour, label } of ends) this.#outlet(neighbour).addPort(label, rule);
  }

  /** @returns the rule, undefined when there was none */
  removeRule(path: { circuit: string; path: number }): Rule | undefined {
    const rule = this.#rules.get(nameOf(path));
    if (rule === undefined) return undefined;
    this.#rules.delete(nameOf(path));
    for (const { neighbour, label } of endsOf(rule)) {
      const outlet = this.#outlet(neighbour);
      outlet.removePort(label);
      if (outlet.empty && !outlet.connected) this.#outlets.delete(neighbour);
    }
    this.#pathEnds.get(rule)?.down();
    this.#pathEnds.delete(rule);
    return rule;
  }

  /** Says who takes what arrives at the end of this path. */
  attach(rule: EndRule, end: PathEnd): void {
    this.#pathEnds.set(rule, end);
  }

  /** Whether the end of this path may send now. */
  isReady({ next }: EndRule): boolean {
    const outlet = this.#outlets.get(next.neighbour);
    return outlet?.connected === true && outlet.port(next.label)?.open === true;
  }

  isUp({ next }: EndRule): boolean {
    return this.#outlets.get(next.neighbour)?.connected === true;
  }

  /** Sends a message from the end of a path: what may be dropped as DATAGRAM, else as DATA. */
  send(rule: EndRule, message: readonly Buffer[], droppable: boolean): void {
    const { neighbour, label } = rule.next;
    const outlet = this.#outlets.get(neighbour);
    const port = outlet?.port(label);
    if (outlet === undefined || port === undefined) return;
    if (droppable) {
      outlet.sendDatagram(port, message);
      return;
    }
    // The end is told of what had to wait. Told of everything, it would send the next message from within this one.
    let waits = false;
    const settle = () => {
      if (waits) this.#pathEnds.get(rule)?.ready();
    };
    outlet.send(port, message, lengthOf(message), { settle });
    waits = true;
  }

  /** Takes a link with a neighbour into use, in place of the one there was. */
  addLink(link: Link): void {
    const outlet = this.#outlet(link.remote);
    outlet.connect(link);
    link.on('frame', (type, label, payload) => this.#receive(link, outlet, type, label, payload));
    void link.closed.then(() => {
      if (outlet.link === link) this.#linkOver(link.remote, outlet);
    });
    for (const port of outlet.ports) this.#pathEnds.get(port.rule)?.ready();
  }

  link(neighbour: PublicKey): Link | undefined {
    return this.#outlets.get(neighbour)?.link;
  }

  get links(): Link[] {
    return [...this.#outlets.values()].flatMap(({ link }) => link ?? []);
  }

  #receive(link: Link, outlet: Outlet, type: number, label: number, payload: Buffer): void {
    if (outlet.link !== link) return;
    const port = outlet.port(label);
    if (port === undefined) {
      // Not to DOWN itself: two nodes that both forgot a path would tell each other for ever.
      if (type !== FrameType.down) outlet.sendDown(label);
      return;
    }
    switch (type) {
      case FrameType.data:
        if (port.receive(payload.length)) this.#pass(link.remote, port, payload, false);
        else link.close(`${link.remote} sends more than it has credit for`);
        return;
      case FrameType.datagram:
        this.#pass(link.remote, port, payload, true);
        return;
      case FrameType.credit:
        this.#credited(link, outlet, port, payload);
        return;
      case FrameType.down:
        this.#passDown(link.remote, port);
    }
  }

  #pass(from: PublicKey, port: Port, payload: Buffer, droppable: boolean): void {
    const { rule, source } = port;
    if ('next' in rule) {
      const settle = () => {
        if (!droppable) source.settle(payload.length);
      };
      const end = this.#pathEnds.get(rule);
      if (end) end.receive(payload, settle);
      else settle();
      return;
    }
    const to = otherSide(rule, from);
    const outlet = this.#outlet(to.neighbour);
    const out = outlet.port(to.label);
    if (out === undefined) return;
    const kept = [Buffer.from(payload)];
    if (droppable) outlet.sendDatagram(out, kept);
    else outlet.send(out, kept, payload.length, source);
  }

  #credited(link: Link, outlet: Outlet, port: Port, payload: Buffer): void {
    const fits = payload.length === 4 && outlet.credited(port, payload.readUInt32BE());
    if (!fits) link.close(`${link.remote} gives back credit that it never had`);
    else if (port.open) this.#pathEnds.get(port.rule)?.ready();
  }

  #passDown(from: PublicKey, { rule }: Port): void {
    if ('next' in rule) {
      this.#pathEnds.get(rule)?.down();
      return;
    }
    const to = otherSide(rule, from);
    this.#outlet(to.neighbour).sendDown(to.label);
  }

  #linkOver(neighbour: PublicKey, outlet: Outlet): void {
    outlet.disconnect();
    if (outlet.empty) this.#outlets.delete(neighbour);
    for (const port of outlet.ports) this.#passDown(neighbour, port);
  }

  #outlet(neighbour: PublicKey): Outlet {
    const there = this.#outlets.get(neighbour);
    if (there) return there;
    const outlet = new Outlet(({ rule }, bytes) => this.#sent(neighbour, rule, bytes));
    this.#outlets.set(neighbour, outlet);
    return outlet;
  }

  #sent(to: PublicKey, rule: Rule, bytes: number): void {
    if ('next' in rule) return;
    this.emit('relayed', rule, otherSide(rule, to).neighbour, to, bytes);
  }
}

function otherSide({ left, right }: { left: End; right: End }, from: PublicKey): End {
  return left.neighbour === from ? right : left;
}

function nameOf({ circuit, path }: { circuit: string; path: number }): string {
  return `${circuit}/${path}`;
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}
