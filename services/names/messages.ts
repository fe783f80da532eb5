/** What travels between an app and the tracker, and its bounds. */
import { type Fields, fail, integer, list, number, optionalText, shape, text } from '../signal/shape.ts';

export const limits = {
  /** Largest message, in bytes. */
  messageBytes: 256 * 1024,
  nameLength: 64,
  nodeLength: 128,
  addressLength: 256,
  /** Most apps in one answer; the rest is asked for page by page. */
  page: 200,
  leaseMs: { min: 1_000, default: 30_000, max: 3_600_000 },
} as const;

/** Codes of the tracker's own refusals, from JSON-RPC's range for servers. */
export const trackerError = {
  /** The name belongs to whoever registered it with another secret, until that lease ends. */
  nameTaken: -32_010,
  /** No lease of this name: never registered, expired or released. */
  notRegistered: -32_011,
  /** The tracker, or this connection's share of it, is full. */
  full: -32_012,
} as const;

/** What others learn of an app. */
export interface Entry {
  /** Unique in the tracker. */
  name: string;
  /** What the app does, the same for all that do it. */
  type: string;
  /** The node that the app is attached to, as others name it: its key. */
  node: string;
  /** Where the app is reached at that node. */
  address: string;
}

export interface Found extends Entry {
  /** Milliseconds until it is forgotten, if it does not renew. */
  expiresIn: number;
}

export interface RegisterParams extends Entry {
  /** Text of 32 random bytes and more in base64url; whoever shows it again owns the name. */
  secret: string;
  /** Milliseconds. */
  lease: number;
}

export interface FindParams {
  name?: string | undefined;
  type?: string | undefined;
  /** Only names that sort behind this one. */
  after?: string | undefined;
}

export interface FindAnswer {
  apps: Found[];
  /** Give it as `after` for the next page; not there when this was the last. */
  next?: string | undefined;
}

export const registerParams = shape(
  (fields): RegisterParams => ({ ...entryOf(fields), secret: secret(fields), lease: lease(fields) }),
);

export const ownerParams = shape((fields) => ({ name: word(fields, 'name'), secret: secret(fields) }));

export const findParams = shape(
  (fields): FindParams => ({
    name: optionalWord(fields, 'name'),
    type: optionalWord(fields, 'type'),
    after: optionalWord(fields, 'after'),
  }),
);

export const leaseAnswer = shape((fields) => ({ lease: number(fields, 'lease') }));

const found = shape((fields): Found => ({ ...entryOf(fields), expiresIn: number(fields, 'expiresIn') }));

export const findAnswer = shape(
  (fields): FindAnswer => ({
    apps: list(fields, 'apps').map(found.parse),
    next: optionalText(fields, 'next'),
  }),
);

/** The fields of an app that are shown to others, checked. @throws {ShapeError} */
export function entryOf(fields: Fields): Entry {
  return {
    name: word(fields, 'name'),
    type: word(fields, 'type'),
    node: printable(fields, 'node', limits.nodeLength),
    address: printable(fields, 'address', limits.addressLength),
  };
}

/** Milliseconds; the default where none is given. @throws {ShapeError} */
export function lease(fields: Fields): number {
  const { min, default: usual, max } = limits.leaseMs;
  if (fields.lease === undefined) return usual;
  const value = integer(fields, 'lease', min);
  return value <= max ? value : fail('lease', `at most ${max} ms`);
}

/** A text of which `pattern` fits the whole. @throws {ShapeError} */
export function textLike(fields: Fields, field: string, pattern: RegExp, wanted: string): string {
  const value = text(fields, field);
  return pattern.test(value) ? value : fail(field, wanted);
}

function word(fields: Fields, field: string): string {
  const wanted = `1 to ${limits.nameLength} of letters, digits, ".", "_" and "-", a letter or digit first`;
  text(fields, field, limits.nameLength);
  return textLike(fields, field, /^[A-Za-z0-9][A-Za-z0-9._-]*$/, wanted);
}

function optionalWord(fields: Fields, field: string): string | undefined {
  return fields[field] === undefined ? undefined : word(fields, field);
}

function printable(fields: Fields, field: string, maxLength: number): string {
  text(fields, field, maxLength);
  return textLike(fields, field, /^[!-~]+$/, 'printable ASCII without spaces');
}

function secret(fields: Fields): string {
  return textLike(fields, 'secret', /^[A-Za-z0-9_-]{43,128}$/, '43 to 128 characters of base64url');
}
