import { crc32 } from 'node:zlib';
import type { Slot } from '../../services/slots/record.ts';

/**
 * The slot state of a board: which of its two systems starts next, and how often that may still be tried.
 *
 * It is kept twice in the partition `state`. A copy is one sector in the format of U-Boot's environment: a
 * little-endian CRC-32 of the rest, then NAME=VALUE strings sorted by name, each ended by a zero byte, zeros to
 * the end. Numbers are hexadecimal with no prefix, for that is what U-Boot's `setexpr` writes.
 * The valid copy with the higher sequence number is in force, and a writer overwrites the other one: no power
 * cut loses both. The boot script, `boot.cmd` beside this file, is the other implementation.
 */
export interface SlotState {
  /** Grows by one with every write; at most 0xffff_ffff. */
  sequence: number;
  /** The slot that is tried first. */
  first: Slot;
  /** Attempts that each slot has left. A slot that works is given `FULL_ATTEMPTS` again. */
  left: Record<Slot, number>;
}

export type { Slot };

/** Bytes of a copy. */
export const COPY_SIZE = 0x200;
/** Where the two copies begin, in bytes from the beginning of the partition. */
export const COPY_OFFSETS = [0, 0x80000] as const;
/**
 * Where a slot's note lies, in bytes from the beginning of the partition: a sector, between the copies, in which the
 * slot's initramfs writes how far its start has come (services/slots/attempt.ts), zeros after the text.
 */
export const NOTE_OFFSETS: Readonly<Record<Slot, number>> = { A: 0x40000, B: 0x40200 };
/** Bytes of a note. */
export const NOTE_SIZE = 0x200;
/** How often a slot is tried before the other one gets its turn. */
export const FULL_ATTEMPTS = 3;

const MAX_NUMBER = 0xffff_ffff;

/** The bytes of one copy. */
export function encodeCopy({ sequence, first, left }: SlotState): Buffer {
  const body = Buffer.alloc(COPY_SIZE - 4);
  body.write(
    [
      `leftA=${hex(left.A)}`,
      `leftB=${hex(left.B)}`,
      `order=${first === 'A' ? 'A B' : 'B A'}`,
      `seq=${hex(sequence)}`,
      '',
    ].join('\0'),
    'latin1',
  );
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(body));
  return Buffer.concat([checksum, body]);
}

/** What one copy says, or undefined when its checksum or its content is wrong. */
export function decodeCopy(copy: Uint8Array): SlotState | undefined {
  if (copy.length !== COPY_SIZE) return undefined;
  const bytes = Buffer.from(copy.buffer, copy.byteOffset, copy.length);
  if (bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) return undefined;
  const end = bytes.indexOf('\0\0', 4, 'latin1');
  if (end === -1) return undefined;
  const values = new Map<string, string>();
  for (const pair of bytes.toString('latin1', 4, end).split('\0')) {
    const equals = pair.indexOf('=');
    if (equals > 0) values.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  const order = values.get('order');
  const sequence = number(values.get('seq'));
  const leftA = number(values.get('leftA'));
  const leftB = number(values.get('leftB'));
  if (order !== 'A B' && order !== 'B A') return undefined;
  if (sequence === undefined || leftA === undefined || leftB === undefined) return undefined;
  return { sequence, first: order === 'A B' ? 'A' : 'B', left: { A: leftA, B: leftB } };
}

export interface ReadState {
  /** Undefined when both copies are broken: the boot script then starts slot A and says `state-lost`. */
  state: SlotState | undefined;
  /** The copy that a writer overwrites. */
  overwrite: 0 | 1;
  /** Whether each copy is valid. */
  valid: readonly [boolean, boolean];
}

/** Which state two copies make. On equal numbers the first copy is in force. */
export function readCopies(copies: readonly [Uint8Array, Uint8Array]): ReadState {
  const first = decodeCopy(copies[0]);
  const second = decodeCopy(copies[1]);
  const useSecond = second !== undefined && (first === undefined || second.sequence > first.sequence);
  return {
    state: useSecond ? second : first,
    overwrite: useSecond || first === undefined ? 0 : 1,
    valid: [first !== undefined, second !== undefined],
  };
}

/** The state of a new card, and of one whose state was lost: slot A first, all attempts left. */
export function newState(): SlotState {
  return { sequence: 1, first: 'A', left: { A: FULL_ATTEMPTS, B: FULL_ATTEMPTS } };
}

/** The content of a new partition `state`, both copies valid. */
export function newStatePartition(size: number): Buffer {
  const partition = Buffer.alloc(size);
  const state = newState();
  encodeCopy(state).copy(partition, COPY_OFFSETS[0]);
  encodeCopy({ ...state, sequence: 0 }).copy(partition, COPY_OFFSETS[1]);
  return partition;
}

function hex(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > MAX_NUMBER) {
    throw new RangeError(`A number of the slot state is a whole number up to ${MAX_NUMBER}, not ${value}.`);
  }
  return value.toString(16);
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9a-f]{1,8}$/.test(text) ? Number.parseInt(text, 16) : undefined;
}
