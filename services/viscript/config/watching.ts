import { isAbsolute } from 'node:path';
import { AddressError, parseAddress } from '../../net/address.ts';
import type { AlertEvent, MetricsConfig } from './schema.ts';

/** What the config file says of figures and alerts, as values. */

const wrongPlace = 'must be socket, off, an absolute path, or HOST:PORT';

/** What is wrong with the text of `metrics.listen`; undefined where nothing is. */
export function problemOfListen(text: string): string | undefined {
  if (text === 'socket' || text === 'off') return undefined;
  if (text.includes('/')) return isAbsolute(text) && !text.includes('\0') ? undefined : wrongPlace;
  try {
    parseAddress(text);
    return undefined;
  } catch (error) {
    if (error instanceof AddressError) return wrongPlace;
    throw error;
  }
}

/** @param listen as {@link problemOfListen} found it right */
export function toMetrics(listen = 'socket'): MetricsConfig {
  if (listen === 'socket' || listen === 'off') return { listen };
  return { listen: isAbsolute(listen) ? { path: listen } : parseAddress(listen) };
}

export const alertEvents = [
  'down',
  'crash-loop',
  'up',
  'over-limit',
] as const satisfies readonly AlertEvent[];
