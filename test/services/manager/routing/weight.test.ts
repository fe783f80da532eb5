import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lighterFirst, worthMovingBelow } from '../../../../services/manager/routing/margin.ts';
import {
  type Figures,
  MAX_WEIGHT,
  problemWith,
  weightOf,
  withHysteresis,
} from '../../../../services/manager/routing/weight.ts';
import { figuresOf, keyOf } from './mesh.ts';

const part = fc.double({ min: 0, max: 1, noNaN: true });
const figures: fc.Arbitrary<Figures> = fc.record({
  rtt: fc.double({ min: 0, max: 1e6, noNaN: true }),
  loss: part,
  load: part,
});

describe('the weight of a link', () => {
  it.each<[string, Figures, number]>([
    ['without delay is that of passing a node', { rtt: 0, loss: 0, load: 0 }, 400],
    ['grows with the round trip', { rtt: 0.01, loss: 0, load: 0 }, 10_400],
    ['is the same up to half of the load', { rtt: 0.01, loss: 0, load: 0.5 }, 10_400],
    ['is three times as much on a full link', { rtt: 0.01, loss: 0, load: 1 }, 31_200],
    ['has the wait for what is lost: 50 ms on a short link', { rtt: 0, loss: 0.5, load: 0 }, 50_400],
    [
      'has the wait for what is lost: four round trips on a long one',
      { rtt: 0.1, loss: 0.5, load: 0 },
      500_400,
    ],
  ])('%s', (_, each, weight) => {
    expect(weightOf(each, figuresOf(0))).toBe(weight);
  });

  it('is a whole number in its bounds, and the same from both ends; none when nothing passes', () => {
    fc.assert(
      fc.property(figures, figures, (one, other) => {
        const weight = weightOf(one, other);
        expect(weightOf(other, one)).toBe(weight);
        if (one.loss === 1 || other.loss === 1) expect(weight).toBeUndefined();
        else {
          expect(Number.isInteger(weight)).toBe(true);
          expect(weight).toBeGreaterThanOrEqual(400);
          expect(weight).toBeLessThanOrEqual(MAX_WEIGHT);
        }
      }),
    );
  });

  it('is never lowered by what one end says', () => {
    fc.assert(
      fc.property(figures, figures, (honest, liar) => {
        const alone = weightOf(honest, honest) ?? Number.POSITIVE_INFINITY;
        expect(weightOf(honest, liar) ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(alone);
      }),
    );
  });

  it('stays in force until the measured one leaves the band', () => {
    expect([1_250, 1_251, 800, 799].map((measured) => withHysteresis(1_000, measured, 0.25))).toEqual([
      1_000, 1_251, 1_000, 799,
    ]);
    expect(withHysteresis(1_000, 1_001, 0)).toBe(1_001);
  });

  it('is not made of figures that cannot be', () => {
    expect(problemWith(figuresOf(1))).toBeUndefined();
    expect(problemWith({ rtt: Number.POSITIVE_INFINITY, loss: 0, load: 0 })).toMatch(/round-trip time/);
    expect(problemWith({ rtt: 0, loss: 2, load: 0 })).toMatch(/a loss of 2/);
    expect(problemWith({ rtt: 0, loss: 0, load: Number.NaN })).toMatch(/a load of NaN/);
  });
});

describe('the margin', () => {
  const path = (weight: number) => ({ nodes: [keyOf(0), keyOf(weight % 100), keyOf(1)], weight });
  const route = (one: number, other: number) => ({
    ...{ kind: 'node-disjoint' as const, first: path(one), second: path(other), weight: one + other },
  });

  it('is a part of the present weight', () => {
    expect(worthMovingBelow(route(400, 600), 0.2)).toBe(800);
  });

  it('lets the paths change places when the second is lighter by more than it', () => {
    expect(lighterFirst(route(1_000, 801), 0.2).first.weight).toBe(1_000);
    expect(lighterFirst(route(1_000, 799), 0.2).first.weight).toBe(799);
  });
});
