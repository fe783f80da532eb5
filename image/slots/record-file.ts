import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeDurably } from '../../services/net/durable-file.ts';
import {
  emptyRecord,
  isVersion,
  readRecord,
  reasonOf,
  SLOT_RECORD,
  type Slot,
  type SlotRecord,
} from '../../services/slots/record.ts';
import { type Port, readPorts } from '../../services/viscript/troubles/network.ts';

/** What the writers of the record have in common. */
export interface RecordOptions {
  /** Default: the board's own. */
  file?: string;
  /** Default: now. */
  time?: Date;
}

/**
 * An update has put a version into a slot: it is on trial there, and what was known of the slot before is over. To be
 * called before the boot script is told to start it. The network that the board has now is what the version has to have
 * too; a caller that is shut off from it (PrivateNetwork=) sees no port, and leaves it as it was.
 *
 * @param version undefined: the slot holds nothing that could be started, as while it is being written
 * @throws {RangeError} it is no version of an image
 */
export async function recordInstalled(
  slot: Slot,
  version: string | undefined,
  options: RecordOptions & { network?: string[] } = {},
): Promise<void> {
  if (version !== undefined && !isVersion(version))
    throw new RangeError(`${JSON.stringify(version)} is not the version of an image`);
  const installed = timeOf(options);
  const ports = await readPorts();
  const seen = options.network ?? (ports.length === 0 ? undefined : portsInUse(ports));
  await changeRecord(options, ({ slots, network, failure }) => {
    const { [slot]: _before, ...kept } = slots;
    return {
      slots: version === undefined ? kept : { ...kept, [slot]: { version, confirmed: undefined, installed } },
      network: seen ?? network,
      failure: failure?.slot === slot ? { ...failure, over: true } : failure,
    };
  });
}

/** Somebody had the board leave a slot that works for the other one. @param slot the one that was left */
export function recordRollback(slot: Slot, options: RecordOptions = {}): Promise<void> {
  return noteFailure(slot, 'rolled back by hand', true, options);
}

/**
 * A slot did not prove good.
 *
 * @param reason one sentence
 * @param options with the version in the slot, where the caller knows better than the record
 */
export function recordFailure(
  slot: Slot,
  reason: string,
  options: RecordOptions & { version?: string | undefined } = {},
): Promise<void> {
  return noteFailure(slot, reason, false, options);
}

function noteFailure(
  slot: Slot,
  reason: string,
  over: boolean,
  options: RecordOptions & { version?: string | undefined },
): Promise<void> {
  const time = timeOf(options);
  return changeRecord(options, (record) => ({
    ...record,
    failure: {
      slot,
      version: options.version ?? record.slots[slot]?.version,
      time,
      reason: reasonOf(reason),
      over,
    },
  }));
}

/**
 * A version has proved good in its slot.
 *
 * @param network ports that have an address now
 */
export function recordConfirmed(
  slot: Slot,
  version: string,
  network: string[],
  options: RecordOptions = {},
): Promise<void> {
  const confirmed = timeOf(options);
  return changeRecord(options, ({ slots, failure }) => {
    const before = slots[slot];
    const installed = before?.version === version ? before.installed : undefined;
    return {
      slots: { ...slots, [slot]: { version, confirmed, installed } },
      network,
      failure: failure?.slot === slot ? { ...failure, over: true } : failure,
    };
  });
}

/** The names of ports that have an address. */
export function portsInUse(ports: readonly Port[]): string[] {
  return ports.filter(({ address }) => address).map(({ name }) => name);
}

/** One writer at a time: on a board they take turns, for an update is refused while a slot is on trial. */
async function changeRecord(
  { file = SLOT_RECORD }: RecordOptions,
  change: (record: SlotRecord) => SlotRecord,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const record = (await readRecord(file)) ?? emptyRecord();
  await writeDurably(file, encodeRecord(change(record)), 0o644);
}

/**
 * The initramfs looks at this with the tools that it has, so an entry begins with its version, and what it has been
 * confirmed for follows: `"A":{"version":"1.2.3-0a1b2c3d","confirmed":"…` (image/disk/init).
 */
function encodeRecord({ slots, network, failure }: SlotRecord): string {
  const entries = Object.entries(slots).map(([slot, { version, confirmed, installed }]) => [
    slot,
    { version, confirmed, installed },
  ]);
  return `${JSON.stringify({ slots: Object.fromEntries(entries), network, failure })}\n`;
}

function timeOf({ time = new Date() }: RecordOptions): string {
  return time.toISOString();
}
