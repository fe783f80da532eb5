import { open } from 'node:fs/promises';
import {
  type Fields,
  fail,
  flag,
  object,
  optionalText,
  ShapeError,
  shape,
  text,
  texts,
} from '../signal/shape.ts';

/** Where a board keeps what it remembers of its slots: everybody may read it, root writes it. */
export const SLOT_RECORD = '/data/system/slots.json';

export type Slot = 'A' | 'B';

/** What a board remembers of its two slots. */
export interface SlotRecord {
  slots: Partial<Record<Slot, SlotEntry>>;
  /** Network ports that had an address when a slot proved good last, or was filled; none on a board without a network. */
  network: string[];
  failure: SlotFailure | undefined;
}

export interface SlotEntry {
  /** Of the image in the slot: IMAGE_VERSION of its os-release. */
  version: string;
  /** When this version proved good in this slot, as Date.toISOString() gives it; undefined: it is on trial. */
  confirmed: string | undefined;
  /** When an update has put it there; undefined: it was on the card from the beginning. */
  installed: string | undefined;
}

/** The last time that a board left a slot for the other one, or had reason to. */
export interface SlotFailure {
  slot: Slot;
  /** Of the image that was in it; undefined when nobody knew. */
  version: string | undefined;
  /** When it was noticed, as Date.toISOString() gives it. */
  time: string;
  /** One sentence, of at most `MAX_REASON` characters. */
  reason: string;
  /** No reason any more to pass the slot over: it has proved good, before or since, or holds another version. */
  over: boolean;
}

export const MAX_REASON = 600;
export const MAX_VERSION = 64;
/** Bytes; ours have less than two thousand. */
const MAX_FILE = 16_384;
const MAX_PORTS = 32;
/** IFNAMSIZ of Linux, without its zero byte. */
const MAX_PORT_NAME = 15;

/** Nothing is remembered: of a new card, or one whose `data` was lost. */
export function emptyRecord(): SlotRecord {
  return { slots: {}, network: [], failure: undefined };
}

/** @throws {Error} it is no record; the message says what is wrong */
export function parseRecord(content: string): SlotRecord {
  if (content.length > MAX_FILE) throw new ShapeError(`longer than ${MAX_FILE} characters`);
  const fields: unknown = JSON.parse(content);
  return recordShape.parse(fields);
}

/**
 * Reads what is remembered.
 *
 * @returns nothing remembered where there is no such file; undefined when it is damaged, and as good as lost
 * @throws {Error} it cannot be read
 */
export async function readRecord(file: string): Promise<SlotRecord | undefined> {
  let content: string;
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_FILE + 1), 0, MAX_FILE + 1, 0);
    content = buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return emptyRecord();
    throw error;
  }
  try {
    return parseRecord(content);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof ShapeError) return undefined;
    throw error;
  }
}

/** Makes a reason of whatever text: one line that steers no terminal, and is bounded. */
export function reasonOf(words: string): string {
  const line = words.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON - 1)}…` : line;
}

/** Whether a text can be the version of an image. */
export function isVersion(words: string): boolean {
  return words.length <= MAX_VERSION && /^[\w.+~-]+$/.test(words);
}

const recordShape = shape<SlotRecord>((f) => {
  const slots = object(f, 'slots');
  const network = texts(f, 'network');
  if (network.length > MAX_PORTS || network.some((name) => name.length > MAX_PORT_NAME))
    fail('network', `at most ${MAX_PORTS} names of network ports`);
  const entries = (['A', 'B'] as const).flatMap((slot) =>
    slots[slot] === undefined ? [] : [[slot, entryOf(object(slots, slot))] as const],
  );
  const failure = f.failure === undefined ? undefined : failureOf(object(f, 'failure'));
  return { slots: Object.fromEntries(entries), network, failure };
});

function entryOf(f: Fields): SlotEntry {
  return { version: version(f), confirmed: time(f, 'confirmed'), installed: time(f, 'installed') };
}

function failureOf(f: Fields): SlotFailure {
  const slot = f.slot;
  if (slot !== 'A' && slot !== 'B') fail('slot', 'A or B');
  return {
    slot,
    version: f.version === undefined ? undefined : version(f),
    time: time(f, 'time') ?? fail('time', 'a time'),
    reason: reasonOf(text(f, 'reason', MAX_REASON)),
    over: flag(f, 'over'),
  };
}

function version(f: Fields): string {
  const value = text(f, 'version');
  return isVersion(value) ? value : fail('version', 'the version of an image');
}

function time(f: Fields, field: string): string | undefined {
  const value = optionalText(f, field);
  if (value !== undefined && !/^[\d-]{10,13}T[\d:.]{12}Z$/.test(value)) fail(field, 'a time in UTC');
  return value;
}
