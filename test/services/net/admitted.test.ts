import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Admitted, type AdmittedOptions, MembersUnreadable } from '../../../services/net/admitted.ts';
import { Identity } from '../../../services/net/keys.ts';
import { InvalidMembership, type Member, signMembership } from '../../../services/net/membership.ts';
import { scratchFolder } from '../signal/support.ts';

const rack = Identity.generate();
const [one, two, peer] = [1, 2, 3].map(() => Identity.generate().publicKey);
if (one === undefined || two === undefined || peer === undefined) throw new Error('no keys');
const peers = [peer];

const first: Member = { board: 'board1', key: one, roles: ['node', 'manager'] };
const second: Member = { board: 'board2', key: two, roles: ['node'] };
const older = signMembership(rack, 4, [first]);
const list = signMembership(rack, 5, [first]);
const newer = signMembership(rack, 6, [first, second]);
const ofOther = signMembership(Identity.generate(), 9, [second]);

let given: string;
let kept: string;
let problems: string[];
let loaded: Admitted[];

beforeEach(async () => {
  const folder = await scratchFolder();
  given = join(folder, 'given');
  kept = join(folder, 'state', 'members');
  problems = [];
  loaded = [];
});

// Before the folder is removed, in which they may write yet.
afterEach(() => Promise.all(loaded.map((admitted) => admitted.stop())));

async function load(options: Partial<AdmittedOptions> = {}): Promise<Admitted> {
  const onProblem = (message: string) => problems.push(message);
  const admitted = await Admitted.load({ peers, rack: rack.publicKey, given, kept, onProblem, ...options });
  loaded.push(admitted);
  return admitted;
}

async function keep(text: string): Promise<void> {
  await mkdir(dirname(kept), { recursive: true });
  await writeFile(kept, text);
}

describe('who is admitted', () => {
  it('are the members of the list and the peers, and nobody else', async () => {
    await writeFile(given, list);
    const admitted = await load();
    expect([one, two, peer].map((key) => admitted.admits(key))).toEqual([true, false, true]);
    expect([one, two, peer].map((key) => admitted.isManager(key))).toEqual([true, false, false]);
    expect([one, two, peer].map((key) => admitted.boardOf(key))).toEqual(['board1', undefined, undefined]);
    expect(admitted.list).toEqual({ number: 5, text: list });
    expect(problems).toEqual([]);
  });

  it('are the peers alone without a rack, whatever is offered', async () => {
    const admitted = await load({ rack: undefined, given: undefined });
    expect([one, peer].map((key) => admitted.admits(key))).toEqual([false, true]);
    expect(admitted.offer(newer)).toBe(false);
    expect(admitted.list).toBeUndefined();
  });

  it('are told by the first list that the rack has signed, where none was given', async () => {
    const admitted = await load({ given: undefined });
    expect(() => admitted.offer(ofOther)).toThrow(InvalidMembership);
    expect(admitted.admits(one)).toBe(false);
    expect(admitted.offer(list)).toBe(true);
    expect(admitted.admits(one)).toBe(true);
  });
});

describe('a list', () => {
  it('takes the place of an older one, and is kept', async () => {
    await writeFile(given, list);
    const admitted = await load();
    expect(admitted.offer(newer)).toBe(true);
    expect(admitted.admits(two)).toBe(true);
    await admitted.settled();
    expect(await readFile(kept, 'utf8')).toBe(newer);
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['older', older],
    ['with the same number', signMembership(rack, 5, [second])],
    ['the same', list],
  ])('that is %s changes nothing', async (_, text) => {
    await writeFile(given, list);
    const admitted = await load();
    expect(admitted.offer(text)).toBe(false);
    expect([one, two].map((key) => admitted.admits(key))).toEqual([true, false]);
    await admitted.settled();
    expect(await readFile(kept, 'utf8')).toBe(list);
  });

  it.each([
    ['of another rack', ofOther],
    ['that was changed', newer.replace('board2', 'board3')],
    ['of nothing', ''],
  ])('%s is refused, and changes nothing', async (_, text) => {
    await writeFile(given, list);
    const admitted = await load();
    expect(() => admitted.offer(text)).toThrow(InvalidMembership);
    expect(admitted.list?.text).toBe(list);
  });

  it('never falls back over a restart, neither to what was given nor to what was seen before', async () => {
    await writeFile(given, list);
    const before = await load();
    before.offer(newer);
    await before.settled();
    const again = await load();
    expect(again.list?.number).toBe(6);
    expect(problems.at(-1)).toBe(`the list of before stays: ${given} has list 5, which is older`);
    await writeFile(given, older);
    expect((await load()).list?.number).toBe(6);
    await rm(given);
    expect((await load({ given: undefined })).list?.number).toBe(6);
  });

  it('that was given is kept too, so that an older one that is given later is not in force', async () => {
    await writeFile(given, newer);
    await load();
    await writeFile(given, list);
    expect((await load()).list?.number).toBe(6);
  });

  it('that was given takes the place of one of before that is older, damaged or of another rack', async () => {
    await writeFile(given, list);
    for (const before of [older, 'nonsense', '', newer.slice(0, -10), ofOther]) {
      await keep(before);
      const admitted = await load();
      expect(admitted.list).toEqual({ number: 5, text: list });
      expect(await readFile(kept, 'utf8')).toBe(list);
    }
    expect(problems.every((problem) => problem.startsWith('the list of before is damaged: '))).toBe(true);
    expect(problems).toHaveLength(4);
  });

  it('of before that is damaged admits nobody, where none was given', async () => {
    await keep('nonsense');
    const admitted = await load({ given: undefined });
    expect(admitted.list).toBeUndefined();
    expect(problems).toHaveLength(1);
  });

  it.each([
    ['is not there', undefined],
    ['is nonsense', 'nonsense'],
    ['is of another rack', ofOther],
  ])('that was given and %s is an error that says which', async (_, text) => {
    if (text !== undefined) await writeFile(given, text);
    await keep(newer);
    await expect(load()).rejects.toThrow(MembersUnreadable);
    await expect(load()).rejects.toThrow(given);
  });

  it('that cannot be kept is in force all the same, and is kept when that goes', async () => {
    await writeFile(given, list);
    await mkdir(join(kept, 'in the way'), { recursive: true });
    const admitted = await load();
    expect(admitted.offer(newer)).toBe(true);
    await admitted.settled();
    expect(admitted.admits(two)).toBe(true);
    await rm(kept, { recursive: true });
    await admitted.stop();
    expect(await readFile(kept, 'utf8')).toBe(newer);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'cannot read the list of before',
      `cannot keep the list in ${kept} for now`,
      'can keep the list again',
    ]);
  });
});
