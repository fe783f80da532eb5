/** What travels between an app and the tracker, and its bounds. */
import { z } from 'zod';

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

const word = z
  .string()
  .max(limits.nameLength)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, ".", "_" and "-" only, a letter or digit first');

const printable = /^[!-~]+$/;

export const entry = z.object({
  /** Unique in the tracker. */
  name: word,
  /** What the app does, the same for all that do it. */
  type: word,
  /** The node that the app is attached to, as others name it: its key. */
  node: z.string().max(limits.nodeLength).regex(printable, 'printable ASCII without spaces only'),
  /** Where the app is reached at that node. */
  address: z.string().max(limits.addressLength).regex(printable, 'printable ASCII without spaces only'),
});

/** 32 random bytes and more, as the app wrote them down; whoever shows it again owns the name. */
export const ownerSecret = z.string().regex(/^[A-Za-z0-9_-]{43,128}$/, '43 to 128 characters of base64url');

export const registerParams = entry.extend({
  secret: ownerSecret,
  /** Milliseconds. */
  lease: z.int().min(limits.leaseMs.min).max(limits.leaseMs.max).default(limits.leaseMs.default),
});

export const ownerParams = z.object({ name: word, secret: ownerSecret });

export const findParams = z.object({
  name: word.optional(),
  type: word.optional(),
  /** Only names that sort behind this one. */
  after: word.optional(),
});

export const leaseAnswer = z.object({ lease: z.number() });

export const findAnswer = z.object({
  apps: z.array(entry.extend({ /** Milliseconds. */ expiresIn: z.number() })),
  /** Give it as `after` for the next page; not there when this was the last. */
  next: word.optional(),
});

export type Entry = z.infer<typeof entry>;
export type Found = z.infer<typeof findAnswer>['apps'][number];
export type RegisterParams = z.infer<typeof registerParams>;
export type FindParams = z.infer<typeof findParams>;
