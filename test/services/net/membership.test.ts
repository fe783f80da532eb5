import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity, type PublicKey } from '../../../services/net/keys.ts';
import {
  InvalidMembership,
  type Member,
  MembershipKeeper,
  readMembership,
  signMembership,
} from '../../../services/net/membership.ts';
import { fuzzRuns } from '../../fuzz.ts';

const rack = Identity.generate();
const board = (name: string, ...roles: Member['roles']): Member => ({
  board: name,
  key: Identity.generate().publicKey,
  roles,
});
const members = [board('board2', 'node'), board('board1', 'node', 'manager')];
const text = signMembership(rack, 7, members);

/** Signs a text that `signMembership` would not write. */
function forge(lines: string[]): string {
  const body = lines.map((line) => `${line}\n`).join('');
  const signature = rack.sign('membership', Buffer.from(body)).toString('hex');
  return `skyminer/membership/v1\n${body}signature ${signature}\n`;
}

describe('a list of members', () => {
  it('is read as it was signed, members by name', () => {
    expect(readMembership(text, rack.publicKey)).toEqual({
      rack: rack.publicKey,
      number: 7,
      members: [...members].reverse(),
    });
    expect(text.split('\n').slice(0, 4)).toEqual([
      'skyminer/membership/v1',
      `rack ${rack.publicKey}`,
      'number 7',
      `member board1 ${members[1]?.key} node,manager`,
    ]);
  });

  it('may be empty', () => {
    expect(readMembership(signMembership(rack, 1, []), rack.publicKey).members).toEqual([]);
  });

  it('is refused from another rack', () => {
    expect(() => readMembership(text, Identity.generate().publicKey)).toThrow(/of another rack/);
    const other = Identity.generate();
    const claimed = signMembership(other, 9, members).replace(other.publicKey, rack.publicKey);
    expect(() => readMembership(claimed, rack.publicKey)).toThrow(/signature is not that of the rack/);
  });

  it('is refused with any character changed, left out or added', () => {
    for (let at = 0; at < text.length; at++) {
      const [before, after] = [text.slice(0, at), text.slice(at + 1)];
      const other = text[at] === 'a' ? 'b' : 'a';
      for (const changed of [before + other + after, before + after, `${before}${other}${text.slice(at)}`])
        expect(() => readMembership(changed, rack.publicKey)).toThrow(InvalidMembership);
    }
  });

  it.each([
    [['number 1'], /line 2: .* is no key/],
    [['rack abc', 'number 1'], /line 2: 'abc' is no key/],
    [[`rack ${rack.publicKey}`, 'number 0'], /line 3: 'number 0' is not 'number N'/],
    [[`rack ${rack.publicKey}`, 'number 01'], /line 3/],
    [[`rack ${rack.publicKey}`, 'number 1', 'member x'], /line 4: 'member x' is not/],
    [[`rack ${rack.publicKey}`, 'number 1', `member UP ${rack.publicKey} node`], /line 4/],
    [[`rack ${rack.publicKey}`, 'number 1', 'member a 00 node'], /line 4: '00' is no key/],
    [
      [`rack ${rack.publicKey}`, 'number 1', `member a ${rack.publicKey} boss`],
      /line 4: boss is no role; there are/,
    ],
    [
      [`rack ${rack.publicKey}`, 'number 1', `member a ${rack.publicKey} node,node`],
      /line 4: a role is named twice/,
    ],
  ])('says what is wrong and where, though it is well signed: %j', (lines, message) => {
    expect(() => readMembership(forge(lines), rack.publicKey)).toThrow(message);
  });

  it('is not signed when two members share a name or a key', () => {
    const [one] = members;
    const key = one?.key ?? ('' as PublicKey);
    expect(() => signMembership(rack, 1, [board('a'), board('a')])).toThrow(/line 5: a is named twice/);
    expect(() => signMembership(rack, 1, [...members, { board: 'c', key, roles: [] }])).toThrow(
      /has the key of another board/,
    );
  });

  it('is refused whatever else it is', () => {
    const line = fc.constantFrom(
      'member a b c',
      `rack ${rack.publicKey}`,
      'number 3',
      'signature',
      '',
      'signature 00',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(line).map((lines) => lines.join('\n')),
        ),
        (garbage) => {
          expect(() => readMembership(garbage, rack.publicKey)).toThrow(InvalidMembership);
          expect(() => readMembership(`skyminer/membership/v1\n${garbage}`, rack.publicKey)).toThrow(
            InvalidMembership,
          );
        },
      ),
      fuzzRuns('membership', 100_000),
    );
  });
});

describe('MembershipKeeper', () => {
  it('takes newer lists, and never an older one or another of the same number', () => {
    const keeper = new MembershipKeeper(rack.publicKey, text);
    const [one] = members;
    if (one === undefined) throw new Error('no member');
    expect(keeper.member(one.key)).toEqual(one);
    expect(keeper.offer(text)).toBe(false);
    expect(keeper.offer(signMembership(rack, 7, []))).toBe(false);
    expect(keeper.offer(signMembership(rack, 6, []))).toBe(false);
    expect(keeper.current.number).toBe(7);
    const newer = signMembership(rack, 8, members.slice(1));
    expect(keeper.offer(newer)).toBe(true);
    expect(keeper.text).toBe(newer);
    expect(keeper.member(one.key)).toBeUndefined();
  });

  it('keeps what it has when it is offered something else', () => {
    const keeper = new MembershipKeeper(rack.publicKey, text);
    expect(() => keeper.offer(signMembership(Identity.generate(), 100, []))).toThrow(InvalidMembership);
    expect(keeper.current.number).toBe(7);
  });
});
