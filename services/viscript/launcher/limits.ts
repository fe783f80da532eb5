import type { LimitsConfig } from '../config/schema.ts';

/**
 * What an entry without limits gets, the same as in the unit viscript-app@.service. What was set for an earlier launch
 * of the same unit stays in force until it is set anew, so a launch without limits has to set these.
 */
export const defaultLimits = {
  /** Bytes. */
  memory: 256 * 1024 * 1024,
  /** Cores; none means no limit. */
  cpus: undefined,
  /** Processes and threads together. */
  pids: 128,
  /** Bytes that its files may take which last. Not systemd's to set: see LaunchFiles. */
  disk: 256 * 1024 * 1024,
} as const;

/** A property of a unit: its name, and its value as a D-Bus variant. */
export type UnitProperty = [name: string, variant: [signature: string, value: number | string | boolean]];

/** systemd's "infinity". */
const unlimited = '18446744073709551615';

/** Limits as systemd takes them (org.freedesktop.systemd1(5), SetUnitProperties). */
export function limitProperties(limits: LimitsConfig): UnitProperty[] {
  const { memory, cpus, pids } = { ...defaultLimits, ...limits };
  return [
    ['MemoryMax', ['t', memory]],
    ['TasksMax', ['t', pids]],
    ['CPUQuotaPerSecUSec', ['t', cpus === undefined ? unlimited : Math.max(1, Math.round(cpus * 1_000_000))]],
  ];
}
