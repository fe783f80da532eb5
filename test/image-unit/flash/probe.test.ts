import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complaintAbout, placesOn } from '../../../image/flash/card/probe.ts';

const MIB = 1024 * 1024;
const UNIT = MIB / 2;

describe('the places that are tried on a card', () => {
  it('are few, and on the card, the last block among them', () => {
    const places = placesOn(64e9);
    expect(places.length).toBeLessThan(800);
    expect(Math.min(...places)).toBe(MIB);
    expect(Math.max(...places)).toBe(64e9 - 4096);
  });

  it('have two that are one, whatever smaller size the card really has', () => {
    const sizes = fc.tuple(fc.integer({ min: 100, max: 500_000 }), fc.integer({ min: 1, max: 99 }));
    fc.assert(
      fc.property(sizes, ([units, percent]) => {
        const places = placesOn(MIB + units * UNIT);
        const real = Math.max(4, Math.floor((units * percent) / 110)) * UNIT;
        const there = new Set(places);
        expect(places.some((place) => place >= real && there.has(place - real))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('what a card is told about', () => {
  const places = [10, 20, 30, 40].map((place) => place * 1e9);
  const found = (...holds: (number | undefined)[]) =>
    places.map((place, index) => ({ place, holds: holds[index] }));

  it('is nothing when everything is where it was put', () => {
    expect(complaintAbout(found(...places), 41e9)).toBeUndefined();
  });

  it('is its real size when far blocks are those near by', () => {
    expect(complaintAbout(found(10e9, 20e9, 10e9, 20e9), 41e9)).toMatch(/says 41\.0 GB and holds 20\.0 GB/);
  });

  it('is between which sizes it ends when far blocks are gone', () => {
    expect(complaintAbout(found(10e9, 20e9, undefined, undefined), 41e9)).toMatch(
      /between 20\.0 and 30\.0 GB/,
    );
  });

  it('is a defect when one block in the middle is gone', () => {
    expect(complaintAbout(found(10e9, undefined, 30e9, 40e9), 41e9)).toMatch(
      /byte 20000000000: it is defective/,
    );
  });

  it('is that it keeps nothing when all blocks are gone', () => {
    expect(complaintAbout(found(), 41e9)).toMatch(/keeps nothing/);
  });
});
