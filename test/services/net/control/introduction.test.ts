import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  acceptNode,
  connectToManager,
  listWord,
  type MemberLists,
  maxStrangersListBytes,
} from '../../../../services/net/control/introduction.ts';
import { BadRecord, readRecord, sealRecord } from '../../../../services/net/control/records.ts';
import { Identity, type PublicKey } from '../../../../services/net/keys.ts';
import {
  InvalidMembership,
  type Member,
  MembershipKeeper,
  type Role,
  signMembership,
} from '../../../../services/net/membership.ts';
import { CipherState } from '../../../../services/net/noise/state.ts';
import { ChaChaPoly } from '../../../../services/net/noise/suite.ts';
import { Doorway, maxHandshakes } from '../../../../services/net/session/doorway.ts';
import { type Session, SessionRefused } from '../../../../services/net/session/session.ts';
import { connectSession } from '../../../../services/net/session/stream.ts';
import { fuzzRuns, mutated } from '../../../fuzz.ts';
import { closed, socketPair } from '../sockets.ts';

const rack = Identity.generate();
const [manager, newManager, node, replaced, stranger] = [1, 2, 3, 4, 5].map(() => Identity.generate()) as [
  Identity,
  Identity,
  Identity,
  Identity,
  Identity,
];

function member(board: string, { publicKey: key }: Identity, role: Role = 'node'): Member {
  return { board, key, roles: [role] };
}

function sign(number: number, ...members: Member[]): string {
  return signMembership(rack, number, members);
}

const old = sign(5, member('one', manager, 'manager'), member('two', node));
const withReplaced = sign(6, member('one', manager, 'manager'), member('two', replaced));
const withNewManager = sign(6, member('one', newManager, 'manager'), member('two', node));

/** One end's list, and whom it admits by it. */
class Lists implements MemberLists {
  readonly #keeper: MembershipKeeper;

  constructor(text: string) {
    this.#keeper = new MembershipKeeper(rack.publicKey, text);
  }

  get list(): { text: string } {
    return { text: this.#keeper.text };
  }

  get number(): number {
    return this.#keeper.current.number;
  }

  offer(text: string): boolean {
    return this.#keeper.offer(text);
  }

  readonly admits = (key: PublicKey) => this.#keeper.member(key) !== undefined;
  readonly isManager = (key: PublicKey) => this.#keeper.member(key)?.roles.includes('manager') ?? false;
}

async function pair(): Promise<[Socket, Socket]> {
  const [near, far] = await socketPair();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return [near, far];
}

interface Met {
  /** What came of it at each end: a session, or why there is none. */
  node: Session | Error;
  manager: Session | Error;
}

/** A node and a manager meet. */
async function meet(
  [nodes, nodeLists]: readonly [Identity, Lists],
  [managers, managerLists]: readonly [Identity, Lists],
  pinned?: PublicKey,
): Promise<Met> {
  const [near, far] = await pair();
  const [atNode, atManager] = await Promise.allSettled([
    connectToManager(near, {
      ...{ identity: nodes, members: nodeLists, learns: pinned === undefined },
      isManager: (key) => (pinned === undefined ? nodeLists.isManager(key) : key === pinned),
    }),
    acceptNode(new Doorway(), far, {
      ...{ identity: managers, members: managerLists, admits: managerLists.admits },
    }),
  ]);
  return { node: outcome(atNode), manager: outcome(atManager) };
}

function outcome(result: PromiseSettledResult<Session>): Session | Error {
  return result.status === 'fulfilled' ? result.value : (result.reason as Error);
}

describe('a node that brings its list', () => {
  it('gets in by a newer one that has it, which is in force from then on', async () => {
    const lists = new Lists(old);
    const met = await meet([replaced, new Lists(withReplaced)], [manager, lists]);
    expect(met.manager).toMatchObject({ remote: replaced.publicKey });
    expect(met.node).toMatchObject({ remote: manager.publicKey });
    expect(lists.number).toBe(6);
    expect(lists.admits(node.publicKey)).toBe(false);
  });

  it('is refused by the newer one that another has brought', async () => {
    const lists = new Lists(withReplaced);
    const { manager: refused } = await meet([node, new Lists(old)], [manager, lists]);
    expect(refused).toBeInstanceOf(SessionRefused);
    expect((refused as Error).message).toContain(`${node.publicKey} is not admitted here`);
    expect(lists.number).toBe(6);
  });

  it('and is admitted is so whatever it brings: also a list of another rack, or of before', async () => {
    const lists = new Lists(old);
    for (const brought of [signMembership(stranger, 9, []), sign(4), 'nonsense']) {
      const [near, far] = await pair();
      const [, session] = await Promise.all([
        bring(near, node, brought),
        acceptNode(new Doorway(), far, { identity: manager, members: lists, admits: lists.admits }),
      ]);
      expect(session.remote).toBe(node.publicKey);
    }
    expect(lists.number).toBe(5);
  });

  it('and is admitted may bring a longer one than a stranger', async () => {
    const lists = new Lists(old);
    const many = Array.from({ length: 1_000 }, (_, at) => member(`more${at}`, Identity.generate()));
    const long = sign(7, member('two', node), ...many);
    expect(long.length).toBeGreaterThan(maxStrangersListBytes);
    const met = await meet([node, new Lists(long)], [manager, lists], manager.publicKey);
    expect(met.manager).toMatchObject({ remote: node.publicKey });
    expect(lists.number).toBe(7);
  });
});

describe('a stranger', () => {
  const ofOthers = signMembership(stranger, 9, [member('two', stranger)]);
  const forged = ofOthers.replace(stranger.publicKey, rack.publicKey);
  const cases: [string, string][] = [
    ['the list that is in force', old],
    ['an older list', sign(4, member('two', stranger))],
    ['another list of the same number', sign(5, member('two', stranger))],
    ['a list of another rack', ofOthers],
    ['a list that the rack has not signed', forged],
    ['a list that was changed', withReplaced.replace(replaced.publicKey, stranger.publicKey)],
    ['nothing', ''],
    ['more than is read', 'x'.repeat(maxStrangersListBytes + 1)],
  ];

  it.each(cases)('that brings %s is refused, hears nothing and changes nothing', async (_, brought) => {
    const lists = new Lists(old);
    const [near, far] = await pair();
    const accepted = acceptNode(new Doorway(), far, {
      ...{ identity: manager, members: lists, admits: lists.admits },
    });
    const refused = expect(accepted).rejects.toThrow(/is not admitted here|has more than 65536 bytes/);
    await bring(near, stranger, brought);
    expect(await heard(near)).toBe(0);
    await refused;
    expect(lists.list.text).toBe(old);
  });

  it('that wants a list gets none', async () => {
    const lists = new Lists(old);
    const [near, far] = await pair();
    const accepted = acceptNode(new Doorway(), far, {
      ...{ identity: manager, members: lists, admits: lists.admits },
    });
    const refused = expect(accepted).rejects.toThrow(/is not admitted here/);
    await connectSession(near, { ...asNode(stranger), payload: listWord.wants });
    expect(await heard(near)).toBe(0);
    await refused;
  });

  it('that brings a newer list which does not have it is refused; the list, which the rack has signed, is in force', async () => {
    const lists = new Lists(old);
    const [near, far] = await pair();
    const accepted = acceptNode(new Doorway(), far, {
      ...{ identity: manager, members: lists, admits: lists.admits },
    });
    const refused = expect(accepted).rejects.toThrow(/has it as none that may/);
    await bring(near, stranger, withReplaced);
    expect(await heard(near)).toBe(0);
    await refused;
    expect(lists.number).toBe(6);
  });

  it('that announces a list and does not send it makes room for others', async () => {
    const lists = new Lists(old);
    const doorway = new Doorway();
    const options = { identity: manager, members: lists, admits: lists.admits };
    const slow: Promise<string>[] = [];
    for (let count = 0; count < maxHandshakes + 16; count++) {
      const [near, far] = await pair();
      slow.push(
        acceptNode(doorway, far, options).then(
          () => 'in',
          () => 'out',
        ),
      );
      await connectSession(near, { ...asNode(stranger), payload: listWord.brings });
    }
    expect(await Promise.all(slow.slice(0, 16))).toEqual(Array(16).fill('out'));
    const [near, far] = await pair();
    const [, session] = await Promise.all([
      bring(near, replaced, withReplaced),
      acceptNode(doorway, far, options),
    ]);
    expect(session.remote).toBe(replaced.publicKey);
  });
});

describe('a manager of another key than the list of a node has', () => {
  it('is followed when it shows a newer list that makes it the manager', async () => {
    const lists = new Lists(old);
    const met = await meet([node, lists], [newManager, new Lists(withNewManager)]);
    expect(met.node).toMatchObject({ remote: newManager.publicKey });
    expect(met.manager).toMatchObject({ remote: node.publicKey });
    expect(lists.number).toBe(6);
    const { node: refused } = await meet([node, lists], [manager, new Lists(old)]);
    expect((refused as Error).message).toContain(`${manager.publicKey} is not admitted here`);
  });

  it.each([
    ['the same list', old],
    ['an older list', sign(4, member('one', newManager, 'manager'), member('two', node))],
  ])('is refused when it shows %s', async (_, shown) => {
    await isRefused(shown);
  });

  it('is refused when it shows a newer list in which it is a node', async () => {
    await isRefused(sign(6, member('one', newManager), member('two', node)));
  });

  async function isRefused(shown: string): Promise<void> {
    const lists = new Lists(old);
    const met = await meet([node, lists], [newManager, new Lists(shown)]);
    expect(met.node).toBeInstanceOf(SessionRefused);
    expect((met.node as Error).message).toContain(`${newManager.publicKey} is not admitted here`);
  }

  it('is refused at once where the manager was named by its key', async () => {
    const lists = new Lists(old);
    const shown = new Lists(withNewManager);
    const met = await meet([node, lists], [newManager, shown], manager.publicKey);
    expect((met.node as Error).message).toContain(`${newManager.publicKey} is not admitted here`);
    expect(lists.number).toBe(5);
  });

  it('is told nothing but the key of the node', async () => {
    const [near, far] = await pair();
    const members = new Lists(old);
    const connected = connectToManager(near, {
      ...{ identity: node, members, isManager: members.isManager, learns: true },
    });
    const refused = expect(connected).rejects.toThrow();
    const session = await new Doorway().accept(far, {
      ...{ identity: stranger, purpose: 'control', accept: () => true },
    });
    expect(session.payload).toEqual(listWord.wants);
    far.write(sealRecord(session.send, signMembership(stranger, 9, [])));
    expect(await heard(far)).toBe(0);
    await refused;
  });
});

it('takes for a list only what the rack has signed, whatever bytes come', async () => {
  const key = Buffer.alloc(32, 7);
  const record = sealRecord(new CipherState(ChaChaPoly.aead(key)), withReplaced);
  const short = fc.tuple(fc.nat({ max: 40 }), fc.uint8Array({ maxLength: 60 })).map(([length, rest]) => {
    return Buffer.concat([Buffer.of(0, 0, 0, length), rest]);
  });
  let lists = new Lists(old);
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated(fc.constant(record)), short), async (input) => {
      if (lists.number !== 5) lists = new Lists(old);
      let at = 0;
      const read = async (bytes: number) => {
        if (at + bytes > input.length) throw new SessionRefused('the stream ends');
        at += bytes;
        return input.subarray(at - bytes, at);
      };
      try {
        lists.offer(await readRecord(read, new CipherState(ChaChaPoly.aead(key)), maxStrangersListBytes));
      } catch (error) {
        if (![BadRecord, SessionRefused, InvalidMembership].some((each) => error instanceof each))
          throw error;
      }
      // Bytes that come after the record are not read: its head says how long it is.
      const isWhole = input.subarray(0, record.length).equals(record);
      expect(lists.list.text).toBe(isWhole ? withReplaced : old);
      expect(at).toBeLessThanOrEqual(input.length < 4 ? 0 : 4 + input.readUInt32BE());
    }),
    fuzzRuns('offered-list', 10_000),
  );
});

function asNode(identity: Identity) {
  return { identity, purpose: 'control', accept: () => true } as const;
}

/** Connects as a node does, with any text for a list. */
async function bring(stream: Socket, identity: Identity, text: string): Promise<void> {
  const session = await connectSession(stream, { ...asNode(identity), payload: listWord.brings });
  stream.write(sealRecord(session.send, text));
}

/** Bytes that come until the stream is over. */
async function heard(stream: Socket): Promise<number> {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  if (!stream.closed) await closed(stream);
  return bytes;
}
