import fc from 'fast-check';
import { expect } from 'vitest';
import { type Shape, ShapeError } from '../services/signal/shape.ts';

/**
 * A shape takes what is right, and of anything else either makes a value that it takes again as it is, or throws a
 * {@link ShapeError}.
 *
 * @param shapes each with values that are right
 * @returns what to hand to `fc.assert`: the shape's name, and values that are nearly right
 */
export function shapesTake(
  shapes: Readonly<Record<string, readonly [Shape<unknown>, fc.Arbitrary<unknown>]>>,
): fc.IProperty<[[string, unknown]]> {
  const inputs = Object.entries(shapes).map(([name, [, valid]]) => {
    const input = fc.oneof({ weight: 5, arbitrary: nearly(valid) }, { weight: 1, arbitrary: anything });
    return input.map((value): [string, unknown] => [name, value]);
  });
  return fc.property(fc.oneof(...inputs), ([name, value]) => {
    const shape = shapes[name]?.[0];
    if (shape === undefined) throw new Error(`there is no shape ${name}`);
    let parsed: unknown;
    try {
      parsed = shape.parse(value);
    } catch (error) {
      expect(error).toBeInstanceOf(ShapeError);
      return;
    }
    // As text: JSON has no -0.
    expect(JSON.stringify(shape.parse(onTheWire(parsed)))).toBe(JSON.stringify(parsed));
  });
}

/** As JSON carries it. */
export function onTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

const anything = fc.jsonValue({ maxDepth: 3 });
const edges = fc.constantFrom<unknown>(
  null,
  0,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e308,
  '',
  '__proto__',
  true,
  [],
  {},
);

/** What is right, as JSON carries it, with up to three of its parts replaced or left out. */
export function nearly(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const part = fc.option(fc.oneof(edges, anything), { nil: undefined });
  const changes = fc.array(fc.tuple(fc.nat(), part), { maxLength: 3 });
  return fc
    .tuple(valid, changes)
    .map(([value, replacements]) =>
      replacements.reduce<unknown>((changed, [at, by]) => replace(changed, at, by), onTheWire(value)),
    );
}

type Holder = Record<string, unknown> | unknown[];

function replace(value: unknown, at: number, by: unknown): unknown {
  const places = placesIn(value);
  const place = places[at % (places.length + 1)];
  if (place === undefined) return by ?? value;
  const [holder, key] = place;
  if (by !== undefined) Object.assign(holder, { [key]: by });
  else if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
  return value;
}

/** Every part of a value, by what holds it. */
function placesIn(value: unknown): [Holder, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Holder;
  return Object.entries(holder).flatMap(([key, part]) => [
    [holder, key] as [Holder, string],
    ...placesIn(part),
  ]);
}
