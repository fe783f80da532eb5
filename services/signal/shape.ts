/**
 * Checks of what comes in, written by hand: a schema library would cost every app and every call of the command line
 * tool more memory and time than their own work does.
 */

/** Checks one value at the edge; fits {@link import('./jsonrpc.ts').Peer}. */
export interface Shape<T> {
  /** @throws {ShapeError} */
  parse(value: unknown): T;
}

/** A value has not the shape it must have; the message names the field and what was expected. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

export type Fields = Record<string, unknown>;

/** An object whose fields `read` takes; fields it does not take are ignored, so that either end may be newer. */
export function shape<T>(read: (fields: Fields) => T): Shape<T> {
  return { parse: (value) => read(fieldsOf(value)) };
}

/** An object of which nothing is expected. */
export const nothing: Shape<Record<string, never>> = shape(() => ({}));

export function text(fields: Fields, field: string, maxLength = Number.POSITIVE_INFINITY): string {
  const value = fields[field];
  if (typeof value !== 'string') fail(field, 'a string');
  if (value.length > maxLength) fail(field, `at most ${maxLength} characters`);
  return value;
}

export function optionalText(fields: Fields, field: string): string | undefined {
  return fields[field] === undefined ? undefined : text(fields, field);
}

export function number(fields: Fields, field: string): number {
  const value = fields[field];
  return typeof value === 'number' && Number.isFinite(value) ? value : fail(field, 'a number');
}

export function integer(fields: Fields, field: string, least: number): number {
  const value = number(fields, field);
  return Number.isSafeInteger(value) && value >= least
    ? value
    : fail(field, `a whole number from ${least} on`);
}

export function flag(fields: Fields, field: string): boolean {
  const value = fields[field];
  return typeof value === 'boolean' ? value : fail(field, 'true or false');
}

export function texts(fields: Fields, field: string): string[] {
  const value = fields[field];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    fail(field, 'a list of strings');
  return value;
}

/** A list of anything, of bounded length. */
export function list(fields: Fields, field: string, most = Number.POSITIVE_INFINITY): unknown[] {
  const value = fields[field];
  if (!Array.isArray(value)) fail(field, 'a list');
  return value.length <= most ? value : fail(field, `at most ${most} of them`);
}

export function object(fields: Fields, field: string): Fields {
  const value = fields[field];
  return isFields(value) ? value : fail(field, 'an object');
}

export function fail(field: string, wanted: string): never {
  throw new ShapeError(`${field}: expected ${wanted}`);
}

function fieldsOf(value: unknown): Fields {
  if (!isFields(value)) throw new ShapeError('expected an object');
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
