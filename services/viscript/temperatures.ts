import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a sensor of the machine says. */
export interface Temperature {
  /** The kernel's name of it: `cpu-thermal`. */
  zone: string;
  /** Degrees Celsius. */
  celsius: number;
}

/**
 * The temperatures that the kernel knows, sorted by zone: see its documentation, driver-api/thermal/sysfs-api. None on a machine
 * without sensors. What cannot be read just now is left out: sensors that sleep answer with an error, and a process without
 * descriptors, of which `status` tells by itself, reads nothing. Never rejects.
 *
 * @param folder `/sys/class/thermal`
 */
export async function readTemperatures(folder = '/sys/class/thermal'): Promise<Temperature[]> {
  const zones = (await readdir(folder).catch(() => [])).filter((name) => /^thermal_zone\d+$/.test(name));
  const read = await Promise.all(zones.map((name) => readZone(join(folder, name))));
  return read
    .filter((temperature) => temperature !== undefined)
    .sort((a, b) => (a.zone < b.zone ? -1 : a.zone > b.zone ? 1 : 0));
}

/** Of a machine, in words: `cpu-thermal 48.3 °C`. Empty where there are none. */
export function temperaturesText(temperatures: readonly Temperature[]): string {
  return temperatures.map(({ zone, celsius }) => `${zone} ${celsius.toFixed(1)} °C`).join('  ');
}

async function readZone(folder: string): Promise<Temperature | undefined> {
  const [zone, millidegrees] = await Promise.all(
    // Of a sensor that sleeps the kernel says an error instead of a number.
    ['type', 'temp'].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  if (!zone || !millidegrees || !/^-?\d{1,7}\n$/.test(millidegrees)) return undefined;
  return { zone: zone.trim(), celsius: Number(millidegrees) / 1000 };
}
