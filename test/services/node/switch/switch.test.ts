import type { Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import type { EndRule, RelayRule } from '../../../../services/net/control/rules.ts';
import { Identity } from '../../../../services/net/keys.ts';
import { FrameType } from '../../../../services/net/link/link.ts';
import { initialCredit } from '../../../../services/node/switch/port.ts';
import { maxRules, type PathEnd, RuleConflict, Switch } from '../../../../services/node/switch/switch.ts';
import { type Board, Rig } from '../rig.ts';

const nothing = Buffer.alloc(0);
const frameBytes = 64 * 1024;

/** The end of a path: takes what comes, and gives credit back when it is told to. */
class TestEnd implements PathEnd {
  readonly messages: Buffer[] = [];
  readonly settles: (() => void)[] = [];
  readonly board: Board;
  readonly rule: EndRule;
  /** Gives credit back at once. */
  readonly settling: boolean;
  downs = 0;
  onReady: () => void = () => undefined;
  onMessage: (message: Buffer) => void = () => undefined;

  constructor(board: Board, rule: EndRule, settling = true) {
    this.board = board;
    this.rule = rule;
    this.settling = settling;
    board.switch.attach(rule, this);
  }

  receive(message: Buffer, settle: () => void): void {
    this.messages.push(Buffer.from(message));
    this.onMessage(message);
    if (this.settling) settle();
    else this.settles.push(settle);
  }

  down(): void {
    this.downs++;
  }

  ready(): void {
    this.onReady();
  }

  get received(): number {
    return this.messages.reduce((sum, { length }) => sum + length, 0);
  }

  /** Sends as long as it may. @returns how many bytes went out or wait */
  fill(): number {
    let sent = 0;
    while (this.board.switch.isReady(this.rule)) {
      this.board.switch.send(this.rule, [Buffer.alloc(frameBytes, 7)], false);
      sent += frameBytes;
    }
    return sent;
  }

  settleAll(): void {
    for (const settle of this.settles.splice(0)) settle();
  }
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 60_000, interval: 5 });

describe('labels', () => {
  it('that nobody knows are answered with DOWN, but DOWN itself is not', async () => {
    await using rig = new Rig();
    const stranger = await rig.stranger('a');
    stranger.link.send(FrameType.down, 5, []);
    stranger.link.send(FrameType.data, 6, [Buffer.alloc(100)]);
    stranger.link.send(FrameType.datagram, 7, [Buffer.alloc(100)]);
    stranger.link.send(FrameType.credit, 8, [Buffer.alloc(4)]);
    stranger.link.send(FrameType.data, 9, [nothing]);
    await eventually(() => expect(stranger.frames).toHaveLength(4));
    expect(stranger.frames.map(({ type, label }) => [type, label])).toEqual(
      [6, 7, 8, 9].map((label) => [FrameType.down, label]),
    );
  });

  it('lead over relays, and nowhere else', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    await rig.join('r', 's');
    await rig.join('s', 'b');
    const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 's', 'b']);
    const [one, other] = [new TestEnd(rig.board('a'), near), new TestEnd(rig.board('b'), far)];
    rig.board('a').switch.send(near, [Buffer.from('there '), Buffer.from('and')], false);
    rig.board('b').switch.send(far, [Buffer.from('back')], true);
    await eventually(() => expect([one.messages.length, other.messages.length]).toEqual([1, 1]));
    expect([one.messages, other.messages].map(String)).toEqual(['back', 'there and']);
  });

  it('are told of as DOWN to both ends when a link between relays goes', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    const cable = await rig.join('r', 's');
    await rig.join('s', 'b');
    const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 's', 'b']);
    const [one, other] = [new TestEnd(rig.board('a'), near), new TestEnd(rig.board('b'), far)];
    cable.sockets[0].destroy();
    await eventually(() => expect([one.downs, other.downs]).toEqual([1, 1]));
    expect(rig.board('a').switch.isUp(near)).toBe(true);
  });

  it('are told of as DOWN when a relay has lost its rule, once for each message', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    await rig.join('r', 'b');
    const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 'b']);
    const [one, other] = [new TestEnd(rig.board('a'), near), new TestEnd(rig.board('b'), far)];
    rig.board('r').switch.removeRule({ circuit: near.circuit, path: 0 });
    rig.board('a').switch.send(near, [Buffer.alloc(1)], false);
    rig.board('b').switch.send(far, [Buffer.alloc(1)], false);
    await eventually(() => expect([one.downs, other.downs]).toEqual([1, 1]));
  });

  it('are free again when their rule is gone', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const [near] = rig.route('0'.repeat(32), 0, ['a', 'b']);
    const end = new TestEnd(rig.board('a'), near);
    expect(rig.board('a').switch.removeRule(near)).toBe(near);
    expect(rig.board('a').switch.removeRule(near)).toBeUndefined();
    expect(end.downs).toBe(1);
    expect(rig.board('a').switch.isReady(near)).toBe(false);
    rig.board('a').switch.addRule(near);
    expect(rig.board('a').switch.isReady(near)).toBe(true);
  });
});

describe('rules', () => {
  const [one, two, three] = [1, 2, 3].map(() => Identity.generate().publicKey);
  if (one === undefined || two === undefined || three === undefined) throw new Error('no keys');
  const relay = (path: number, left: number, right: number): RelayRule => ({
    ...{ circuit: 'c'.repeat(32), path },
    left: { neighbour: one, label: left },
    right: { neighbour: two, label: right },
  });

  it.each([
    ['a label in use on the left', relay(1, 10, 21), /label 10 with .* is in use/],
    ['a label in use on the right', relay(1, 11, 20), /label 20 with .* is in use/],
    ['a path that is here already', relay(0, 11, 21), /path 0 of circuit c+ is here already/],
    [
      'a relay with one neighbour only',
      { ...relay(1, 11, 0), right: { neighbour: one, label: 12 } },
      /needs two neighbours/,
    ],
    [
      'the end of a path on a label of a relay',
      {
        ...{ circuit: 'd'.repeat(32), path: 0, peer: three, opener: true, weight: 1 },
        next: relay(0, 10, 0).left,
      },
      /label 10 with .* is in use/,
    ],
  ])('are refused for %s, and nothing changes', (_, rule, said) => {
    const board = new Switch();
    board.addRule(relay(0, 10, 20));
    expect(() => board.addRule(rule)).toThrow(said);
    expect(() => board.addRule(rule)).toThrow(RuleConflict);
    expect(board.rules).toEqual([relay(0, 10, 20)]);
    board.addRule(relay(2, 11, 21));
    board.addRule({ ...relay(3, 10, 10), left: { neighbour: three, label: 10 } });
  });

  it('are so many at most', () => {
    const board = new Switch();
    for (let path = 0; path < maxRules; path++) board.addRule(relay(path, path + 1, path + 1));
    expect(() => board.addRule(relay(maxRules, 70_000, 70_000))).toThrow(`more than ${maxRules} rules`);
    board.removeRule(relay(0, 1, 1));
    board.addRule(relay(maxRules, 70_000, 70_000));
  });
});

describe('credit', () => {
  it('holds up the sender of what the other end does not take, and no more than that is under way', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    await rig.join('r', 'b');
    const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 'b']);
    const [one, other] = [new TestEnd(rig.board('a'), near), new TestEnd(rig.board('b'), far, false)];
    let sent = 0;
    one.onReady = () => {
      sent += one.fill();
    };
    one.onReady();
    // Each of the two links carries as much as its credit.
    await eventually(() => expect(other.received).toBe(initialCredit));
    await eventually(() => expect(sent).toBe(2 * initialCredit));
    const before = sent;
    other.settleAll();
    await eventually(() => expect(other.received).toBe(2 * initialCredit));
    await eventually(() => expect(sent).toBe(before + initialCredit));
    expect(rig.board('a').switch.isReady(near)).toBe(false);
  });

  it('ends the link of a neighbour that sends more than it has', async () => {
    await using rig = new Rig();
    const stranger = await rig.stranger('a');
    const rule = strangersPath(rig.board('a'), stranger.key, 1);
    const end = new TestEnd(rig.board('a'), rule, false);
    for (let sent = 0; sent <= initialCredit; sent += frameBytes)
      stranger.link.send(FrameType.data, 1, [Buffer.alloc(frameBytes)]);
    expect(await stranger.there.closed).toBe(`${stranger.key} sends more than it has credit for`);
    expect(end.received).toBe(initialCredit);
    expect(end.downs).toBe(1);
  });

  it('ends the link of a neighbour that gives back what it never got', async () => {
    await using rig = new Rig();
    const stranger = await rig.stranger('a');
    strangersPath(rig.board('a'), stranger.key, 1);
    const credit = Buffer.alloc(4);
    credit.writeUInt32BE(1);
    stranger.link.send(FrameType.credit, 1, [credit]);
    expect(await stranger.there.closed).toBe(`${stranger.key} gives back credit that it never had`);
  });

  it('begins anew with a new link, whatever of the old one is passed on later', async () => {
    await using rig = new Rig();
    await rig.join('a', 'r');
    await rig.join('r', 'b');
    const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 'b']);
    const [one, other] = [new TestEnd(rig.board('a'), near), new TestEnd(rig.board('b'), far, false)];
    one.onReady = () => void one.fill();
    one.fill();
    await eventually(() => expect(other.received).toBe(initialCredit));
    one.onReady = () => undefined;
    const { links } = await rig.join('a', 'r');
    let over: string | undefined;
    for (const link of links)
      void link.closed.then((reason) => {
        over ??= reason;
      });
    other.settleAll();
    await eventually(() => expect(other.received).toBe(2 * initialCredit));
    // Whatever r has told a has come before this.
    const answer = Buffer.from('answer');
    rig.board('b').switch.send(far, [answer], false);
    await eventually(() => expect(one.messages).toEqual([answer]));
    expect(over).toBeUndefined();
    one.onReady = () => void one.fill();
    one.fill();
    for (let round = 3; round < 8; round++) {
      other.settleAll();
      await eventually(() => expect(other.received).toBe(round * initialCredit));
    }
    expect(over).toBeUndefined();
  });
});

describe('circuits over one link', () => {
  it.each([
    ['at the same node', ['r', 'b']],
    ['passed on for another node', ['a', 'r', 'b']],
  ])('have equal shares: eight that carry all they can leave its own to one %s', async (_, way) => {
    const [bulk, frames, small] = [8, 100, 50];
    await using rig = new Rig();
    await rig.join('a', 'r');
    const { sockets } = await rig.join('r', 'b');
    let order = '';
    const start = (name: string, path: number, names: string[], count: number) => {
      const [near, far] = rig.route('0'.repeat(32), path, names);
      const end = new TestEnd(rig.board(names[0] ?? ''), near);
      new TestEnd(rig.board('b'), far).onMessage = () => {
        order += name;
      };
      let left = count;
      end.onReady = () => {
        for (; left > 0 && end.board.switch.isReady(near); left--)
          end.board.switch.send(near, [Buffer.alloc(frameBytes, path)], false);
      };
      end.onReady();
    };
    // All of them wait for the link, not for credit.
    await hold(sockets[1]);
    for (let path = 0; path < bulk; path++) start('b', path, ['r', 'b'], frames);
    start('s', bulk, way, small);
    await new Promise(setImmediate);
    sockets[1].resume();
    await eventually(() => expect(order).toHaveLength(bulk * frames + small));
    // From the first of the small one on it has its share, to its last.
    const shared = order.slice(order.indexOf('s'), order.lastIndexOf('s') + 1);
    expect(shared.length / small).toBeLessThan(1.3 * (bulk + 1));
  });

  it('do not hold up each other when one of them has no credit', async () => {
    await using rig = new Rig();
    await rig.join('a', 'b');
    const [slow, slowFar] = rig.route('0'.repeat(32), 0, ['a', 'b']);
    const [quick, quickFar] = rig.route('0'.repeat(32), 1, ['a', 'b']);
    const stuck = new TestEnd(rig.board('b'), slowFar, false);
    new TestEnd(rig.board('a'), slow).fill();
    const end = new TestEnd(rig.board('a'), quick);
    const far = new TestEnd(rig.board('b'), quickFar);
    end.onReady = () => {
      if (far.received < 16 * initialCredit) end.fill();
    };
    end.onReady();
    await eventually(() => expect(far.received).toBeGreaterThanOrEqual(16 * initialCredit));
    expect(stuck.received).toBe(initialCredit);
  });
});

it('drops datagrams where the link is busy, and lets them hold up nothing', async () => {
  await using rig = new Rig();
  const { sockets } = await rig.join('a', 'b');
  const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'b']);
  const end = new TestEnd(rig.board('b'), far);
  await hold(sockets[1]);
  const datagram = Buffer.alloc(60_000);
  for (let index = 0; index < 2_000; index++) {
    rig.board('a').switch.send(near, [datagram], true);
    await new Promise(setImmediate);
  }
  expect(rig.board('a').switch.link(near.next.neighbour)?.backlog).toBeLessThan(1024 * 1024);
  sockets[1].resume();
  rig.board('a').switch.send(near, [Buffer.from('last')], false);
  await eventually(() => expect(end.messages.at(-1)?.toString()).toBe('last'));
  expect(end.messages.length).toBeLessThan(2_000);
});

it('counts as relayed what was given to the next link, and not what was dropped there', async () => {
  await using rig = new Rig();
  await rig.join('a', 'r');
  const { sockets } = await rig.join('r', 'b');
  const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 'b']);
  const end = new TestEnd(rig.board('b'), far);
  let relayed = 0;
  const ways = new Set<string>();
  rig.board('r').switch.on('relayed', (_rule, from, to, bytes) => {
    relayed += bytes;
    ways.add(`${from} ${to}`);
  });
  await hold(sockets[1]);
  const datagram = Buffer.alloc(60_000);
  for (let index = 0; index < 500; index++) {
    rig.board('a').switch.send(near, [datagram], true);
    await new Promise(setImmediate);
  }
  rig.board('a').switch.send(near, [Buffer.from('last')], false);
  sockets[1].resume();
  await eventually(() => expect(end.messages.at(-1)?.toString()).toBe('last'));
  expect(end.messages.length).toBeLessThan(500);
  expect(relayed).toBe(end.received);
  const [from, to] = ['a', 'b'].map((name) => rig.board(name).identity.publicKey);
  expect([...ways]).toEqual([`${from} ${to}`]);
});

it('does not count as relayed what waited for a link that has gone', async () => {
  await using rig = new Rig();
  await rig.join('a', 'r');
  const { links } = await rig.join('r', 'b');
  const [near, far] = rig.route('0'.repeat(32), 0, ['a', 'r', 'b']);
  // It gives no credit back, so that r can pass on as much as there is, and the same again waits.
  new TestEnd(rig.board('b'), far, false);
  const one = new TestEnd(rig.board('a'), near);
  let relayed = 0;
  rig.board('r').switch.on('relayed', (_rule, _from, _to, bytes) => {
    relayed += bytes;
  });
  let sent = 0;
  one.onReady = () => {
    sent += one.fill();
  };
  one.onReady();
  await eventually(() => expect(sent).toBe(2 * initialCredit));
  await eventually(() => expect(relayed).toBe(initialCredit));
  one.onReady = () => undefined;
  for (const link of links) link.close('the cable was cut');
  await rig.join('r', 'b');
  await eventually(() => expect(rig.board('a').switch.isReady(near)).toBe(true));
  rig.board('a').switch.send(near, [Buffer.from('last')], false);
  await eventually(() => expect(relayed).toBe(initialCredit + 4));
});

/** Nothing is read from it any more. */
async function hold(socket: Socket): Promise<void> {
  // Whoever has just listened for `readable` resumes it in the next turn.
  await new Promise(setImmediate);
  socket.pause();
}

/** A path from a board to its neighbour, with this label. */
function strangersPath(board: Board, neighbour: EndRule['peer'], label: number): EndRule {
  const rule = {
    ...{ circuit: 'e'.repeat(32), path: label, peer: neighbour, opener: false, weight: 1 },
    next: { neighbour, label },
  };
  board.switch.addRule(rule);
  return rule;
}
