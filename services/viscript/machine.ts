import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { type SlotsStatus, slotsStatus } from '../slots/status.ts';
import type { Machine } from './commands/command.ts';
import { readLastEnd } from './last-end.ts';
import { placeOfBoard } from './place/place.ts';
import { readTemperatures } from './temperatures.ts';
import { Troubles, type TroublesOptions } from './troubles/troubles.ts';

export const version: string = packageJson.version;

export interface MachineOptions extends TroublesOptions {
  /** Where the supervisor before has left how it ended. */
  runtimeDirectory: string;
}

/** Reads once what does not change while the machine runs. The boot script puts slot and reason on the kernel's command line. */
export async function readMachine(options: MachineOptions): Promise<Machine> {
  const troubles = new Troubles(options);
  const words = readFileSync('/proc/cmdline', 'utf8').trim().split(/\s+/);
  const value = (name: string) =>
    words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) || undefined;
  const [slot, why] = [value('skyminer.slot'), value('skyminer.why')];
  return {
    version,
    host: hostname(),
    slot,
    slotReason: why,
    lastEnd: await readLastEnd(options.runtimeDirectory),
    uptime,
    temperatures: () => readTemperatures(),
    troubles: () => troubles.find(),
    ...(options.onBoard ? { place: placeOfBoard } : {}),
    slots: () => slotsOf(slot, why),
  };
}

/** What cannot be read is not known: the troubles tell of a disk that does not work. */
async function slotsOf(slot: string | undefined, why: string | undefined): Promise<SlotsStatus | undefined> {
  if (slot !== 'A' && slot !== 'B') return undefined;
  try {
    return await slotsStatus(slot, why);
  } catch (error) {
    process.stderr.write(`how it stands with the slots cannot be read: ${String(error)}\n`);
    return undefined;
  }
}
