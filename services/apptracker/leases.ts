import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type Entry,
  type FindParams,
  type Found,
  limits,
  type RegisterParams,
  trackerError,
} from '../names/messages.ts';
import { RpcError } from '../signal/jsonrpc.ts';

/** What outlives the tracker's own process. Secrets are in it only as their hashes. */
export interface StoredLease extends Entry {
  /** Milliseconds. */
  lease: number;
  /** SHA-256 of the owner's secret, in hex. */
  owner: string;
}

interface Lease extends StoredLease {
  expires: number;
}

/**
 * The names and who holds them. Knows no clock: `now` is in milliseconds of one that never goes back, so that the
 * jump of a wall clock neither ends a lease nor keeps one alive.
 */
export class Leases {
  readonly #maxEntries: number;
  readonly #leases = new Map<string, Lease>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#leases.size;
  }

  /**
   * Takes a name, takes it back, or changes what is registered under it.
   * @returns whether anything changed but the time
   * @throws {RpcError} `nameTaken` when somebody else holds it, `full`
   */
  register({ secret, ...params }: RegisterParams, now: number): boolean {
    const owner = hash(secret);
    const held = this.#held(params.name, now);
    if (held && !sameOwner(held, owner)) {
      throw new RpcError(trackerError.nameTaken, `the name ${params.name} is held by another app`);
    }
    if (!held && this.#leases.size >= this.#maxEntries) {
      throw new RpcError(trackerError.full, `the tracker holds ${this.#maxEntries} names already`);
    }
    const next: Lease = { ...params, owner, expires: now + params.lease };
    this.#leases.set(params.name, next);
    return !held || storedFields.some((field) => held[field] !== next[field]);
  }

  /** @returns the lease in milliseconds @throws {RpcError} `notRegistered`, `nameTaken` */
  renew(name: string, secret: string, now: number): number {
    const lease = this.#owned(name, secret, now);
    lease.expires = now + lease.lease;
    return lease.lease;
  }

  /** Gives a name up before its time. @throws {RpcError} `notRegistered`, `nameTaken` */
  release(name: string, secret: string, now: number): void {
    this.#owned(name, secret, now);
    this.#leases.delete(name);
  }

  /** One page, sorted by name. */
  find({ name, type, after }: FindParams, now: number): { apps: Found[]; next?: string } {
    const candidates = name === undefined ? this.#leases.values() : [this.#leases.get(name)];
    const found = [...candidates]
      .filter((lease) => lease !== undefined)
      .filter((lease) => lease.expires > now && (type === undefined || lease.type === type))
      .filter((lease) => after === undefined || lease.name > after)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const apps = found.slice(0, limits.page).map((lease) => describe(lease, now));
    const last = apps.at(-1);
    return found.length > apps.length && last ? { apps, next: last.name } : { apps };
  }

  /** Forgets what has expired. @returns the names */
  expire(now: number): string[] {
    const expired = [...this.#leases.values()]
      .filter((lease) => lease.expires <= now)
      .map(({ name }) => name);
    for (const name of expired) this.#leases.delete(name);
    return expired;
  }

  /** When the next lease ends, if none is renewed. */
  nextExpiry(): number | undefined {
    let next: number | undefined;
    for (const { expires } of this.#leases.values()) next = Math.min(next ?? expires, expires);
    return next;
  }

  /** Lets every lease last longer: nobody could renew while the tracker itself stood still. */
  extend(milliseconds: number): void {
    for (const lease of this.#leases.values()) lease.expires += milliseconds;
  }

  stored(): StoredLease[] {
    return [...this.#leases.values()].map(({ expires: _expires, ...stored }) => stored);
  }

  /** Takes over what an earlier process stored; each gets its full lease anew, to have time to come back. */
  restore(stored: readonly StoredLease[], now: number): void {
    for (const lease of stored.slice(0, this.#maxEntries)) {
      this.#leases.set(lease.name, { ...lease, expires: now + lease.lease });
    }
  }

  #owned(name: string, secret: string, now: number): Lease {
    const lease = this.#held(name, now);
    if (!lease) throw new RpcError(trackerError.notRegistered, `no app ${name} is registered`);
    if (!sameOwner(lease, hash(secret))) {
      throw new RpcError(trackerError.nameTaken, `the name ${name} is held by another app`);
    }
    return lease;
  }

  #held(name: string, now: number): Lease | undefined {
    const lease = this.#leases.get(name);
    return lease && lease.expires > now ? lease : undefined;
  }
}

const storedFields = ['type', 'node', 'address', 'lease'] as const;

function describe({ name, type, node, address, expires }: Lease, now: number): Found {
  return { name, type, node, address, expiresIn: Math.round(expires - now) };
}

function hash(secret: string): string {
  return createHash('sha256').update(`skyminer/apptracker-owner/v1\n${secret}`).digest('hex');
}

function sameOwner(lease: StoredLease, owner: string): boolean {
  return timingSafeEqual(Buffer.from(lease.owner, 'hex'), Buffer.from(owner, 'hex'));
}
