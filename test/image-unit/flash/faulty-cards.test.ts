import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Faults, FaultyCard, noFaults } from './faulty-card.ts';
import { flashTo, MIB, madeUpImage } from './flash-to.ts';

const SIZE = 64 * MIB;

let home: string;
let image: string;

beforeEach(async (context) => {
  if (noFaults !== undefined) context.skip(noFaults);
  home = await mkdtemp(join(tmpdir(), 'faulty-cards-'));
  image = join(home, 'skyminer.img');
  await writeFile(image, madeUpImage(16 * MIB));
});

afterEach(() => rm(home, { recursive: true, force: true }));

describe('a card with faults', () => {
  it('is written like any other when it has none, and has what the image has', async () => {
    await using card = await FaultyCard.plugIn(home, 'good', SIZE, {});
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'done', problem: undefined, left: 'whole' });
    expect((await card.bytesAt(0, 16 * MIB)).equals(madeUpImage(16 * MIB))).toBe(true);
  });

  it('is found out by one flipped bit, past every cache, and does not boot', async () => {
    await using card = await FaultyCard.plugIn(home, 'flips', SIZE, { flipAt: 9 * MIB + 77 });
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'wiped' });
    expect(outcome?.problem).toMatch(/did not keep what was written: 1 of \d+ parts differ/);
    await expectNoBoot(card);
  });

  it('is found out by a flipped bit in what makes it boot, and does not boot', async () => {
    await using card = await FaultyCard.plugIn(home, 'sticks', SIZE, { stuckAt: 8 * 1024 + 4 });
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'wiped' });
    expect(outcome?.problem).toMatch(/1 of 1 parts differ, the first from byte 0 to 16383/);
    expect((await card.bytesAt(0, 4096)).every((byte) => byte === 0)).toBe(true);
    await expectNoBoot(card);
  });

  it('that takes no more in the middle is failed with the address, and is left as it was wiped', async () => {
    await using card = await FaultyCard.plugIn(home, 'fails', SIZE, { failAfter: 12 * MIB });
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'wiped' });
    expect(outcome?.problem).toMatch(/cannot be written at byte \d+: EIO/);
    await expectNoBoot(card);
  });

  it.each<[string, Faults, RegExp]>([
    ['wraps', { realSize: 40 * MIB, beyond: 'wraps' }, /says 0\.07 GB and holds 0\.04 GB/],
    ['forgets', { realSize: 40 * MIB, beyond: 'is lost' }, /holds between 0\.0\d and 0\.0\d GB/],
    ['ends early', { realSize: 40 * MIB, beyond: 'fails' }, /holds between 0\.0\d and 0\.0\d GB/],
  ])(
    'that lies about its size and %s is told from an honest one before the image is written',
    async (name, faults, told) => {
      await using card = await FaultyCard.plugIn(home, name.replaceAll(' ', '-'), SIZE, faults);
      const [outcome] = await flashTo(image, [card.loop]);
      expect(outcome).toMatchObject({ state: 'failed', bytes: 0 });
      expect(outcome?.problem).toMatch(/lies about its size/);
      expect(outcome?.problem).toMatch(told);
      await expectNoBoot(card);
    },
  );

  it('that keeps nothing is told to be worn out, and that it may boot', async () => {
    await using card = await FaultyCard.plugIn(home, 'keeps-nothing', SIZE, { forgetAfter: 0 });
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'unknown' });
    expect(outcome?.problem).toMatch(/keeps nothing that is written to it/);
  });

  it('that fails at the end of the image is wiped everywhere else, what boots first before all', async () => {
    const places: number[] = [];
    const onWrite = (_: number, offset: number) => places.push(offset);
    await using card = await FaultyCard.plugIn(home, 'tail', SIZE, { failAt: 15 * MIB + 5, onWrite });
    const [outcome] = await flashTo(image, [card.loop]);
    expect(outcome).toMatchObject({ state: 'failed', left: 'unknown', bytes: 0 });
    expect(outcome?.problem).toMatch(/cannot be written at byte 15728640: EIO/);
    expect((await card.bytesAt(0, MIB)).every((byte) => byte === 0)).toBe(true);
    expect(places.slice(0, 2)).toEqual([0, 16 * 1024]);
  });

  it('is wiped as soon as it fails, while the others are still written', async () => {
    const order: string[] = [];
    const told = (name: string) => (_: number, offset: number) => offset === 0 && order.push(name);
    await using bad = await FaultyCard.plugIn(home, 'bad', SIZE, {
      failAt: 2 * MIB + 100_000,
      onWrite: told('bad'),
    });
    await using good = await FaultyCard.plugIn(home, 'good', SIZE, { onWrite: told('good') });
    const outcomes = await flashTo(image, [bad.loop, good.loop]);
    expect(outcomes.map(({ state, left }) => [state, left])).toEqual([
      ['failed', 'wiped'],
      ['done', 'whole'],
    ]);
    // At the beginning of each: zeros, and again after the probes; then zeros once more, or what makes it boot.
    expect(order.slice(4)).toEqual(['bad', 'good']);
  });

  it('fails alone, and the others beside it are done', async () => {
    await using bad = await FaultyCard.plugIn(home, 'bad', SIZE, { failAfter: 12 * MIB });
    await using good = await FaultyCard.plugIn(home, 'good', SIZE, {});
    const outcomes = await flashTo(image, [bad.loop, good.loop]);
    expect(outcomes.map(({ state }) => state)).toEqual(['failed', 'done']);
    expect((await good.bytesAt(0, 16 * MIB)).equals(madeUpImage(16 * MIB))).toBe(true);
  });

  it('that is stopped in the middle does not boot', async () => {
    const stop = new AbortController();
    const onWrite = (written: number) => {
      if (written > 8 * MIB) stop.abort(new Error('ended by a test'));
    };
    await using card = await FaultyCard.plugIn(home, 'stopped', SIZE, { onWrite });
    const [outcome] = await flashTo(image, [card.loop], { signal: stop.signal });
    expect(outcome).toMatchObject({ state: 'stopped', left: 'wiped', problem: 'ended by a test' });
    await expectNoBoot(card);
  });
});

/** The first MiB is zeros, and so is what the image has at its end. */
async function expectNoBoot(card: FaultyCard): Promise<void> {
  expect((await card.bytesAt(0, MIB)).every((byte) => byte === 0)).toBe(true);
  expect((await card.bytesAt(15 * MIB, MIB)).every((byte) => byte === 0)).toBe(true);
}
