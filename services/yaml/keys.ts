import * as z from 'zod/mini';
import type { Path } from './document.ts';

type Schema = z.core.$ZodType;

/** The keys that the map at `path` may have by a schema; none where keys are free, or where no map is meant. */
export function knownKeys(schema: Schema, path: Path): string[] {
  let here = [schema];
  for (const step of path) here = here.flatMap(alternatives).flatMap((one) => inside(one, step));
  const keys = here.flatMap(alternatives).flatMap((one) => {
    return one instanceof z.core.$ZodObject ? Object.keys(one._zod.def.shape) : [];
  });
  return [...new Set(keys)];
}

/** What a value that may be left out, be empty or be one of several is when it is there. */
function alternatives(schema: Schema): Schema[] {
  if (schema instanceof z.core.$ZodOptional || schema instanceof z.core.$ZodNullable)
    return alternatives(schema._zod.def.innerType);
  if (schema instanceof z.core.$ZodUnion) return schema._zod.def.options.flatMap(alternatives);
  return [schema];
}

function inside(schema: Schema, step: string | number): Schema[] {
  if (schema instanceof z.core.$ZodRecord) return [schema._zod.def.valueType];
  if (schema instanceof z.core.$ZodArray) return [schema._zod.def.element];
  if (!(schema instanceof z.core.$ZodObject) || !Object.hasOwn(schema._zod.def.shape, step)) return [];
  const value = schema._zod.def.shape[step];
  return value === undefined ? [] : [value];
}
