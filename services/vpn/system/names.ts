import { createHash } from 'node:crypto';

/** Priorities of the first and the last rule of routing that an app of ours may have. */
const FIRST_PRIORITY = 20_000;
const APPS = 1_000;
/** How many priorities each app has for itself. */
export const PRIORITIES = 10;

/** The table of nftables that belongs to the app of this name. */
export function nftTable(app: string): string {
  return `skywire_${app.replaceAll(/[^A-Za-z0-9_]/g, '_')}`;
}

/**
 * The number of the routing table of the app of this name, and the priority of its first rule: the same after every
 * restart, so that what a killed run left behind is found.
 */
export function routingNumber(app: string): number {
  return FIRST_PRIORITY + (createHash('sha256').update(app).digest().readUInt32BE() % APPS) * PRIORITIES;
}
