import { join } from 'node:path';
import type { StoredLease } from '../../../services/apptracker/leases.ts';
import { Store } from '../../../services/apptracker/store.ts';
import { Admitted } from '../../../services/net/admitted.ts';
import { Identity } from '../../../services/net/keys.ts';
import { signMembership } from '../../../services/net/membership.ts';
import { Metering } from '../../../services/node/metering.ts';
import { readLeases, writeLeases } from '../../../services/vpn/server/lease-file.ts';
import type { Lease } from '../../../services/vpn/server/leases.ts';
import { expectKept, expectVersion, type Writer } from './writer.ts';

/** So many entries make a file of several blocks: one that is half old and half new would show. */
const ENTRIES = 60;
const keys = Array.from({ length: ENTRIES }, (_, index) => Identity.fromSeed(Buffer.alloc(32, index + 1)));
const rack = Identity.fromSeed(Buffer.alloc(32, 0xff));

/** What apptracker keeps of its leases. */
export const trackerLeases: Writer = {
  async write(folder, kept, signal) {
    let version = 0;
    const store = new Store(join(folder, 'leases.json'), () => leasesOfTracker(version), rethrow);
    while (!signal.aborted) {
      version++;
      await store.save();
      kept(version);
    }
  },
  async check(folder, kept) {
    const store = new Store(join(folder, 'leases.json'), () => [], rethrow);
    const found = await store.load();
    const version = versionIn(found[0]?.address);
    expectKept(version, kept, 'leases of apptracker');
    expectVersion(found, version === 0 ? [] : leasesOfTracker(version), 'leases of apptracker');
  },
};

/** What a node keeps of what it counted. */
export const metering: Writer = {
  async write(folder, kept, signal) {
    const meter = await Metering.load(join(folder, 'metering.json'), rethrow);
    for (let version = 1; !signal.aborted; version++) {
      for (const { publicKey } of keys) meter.count(publicKey, 'echo', 'sent', 1);
      await meter.save();
      kept(version);
    }
    await meter.stop();
  },
  async check(folder, kept) {
    const meter = await Metering.load(join(folder, 'metering.json'), rethrow);
    const found = meter.accounts;
    await meter.stop();
    const version = found[0]?.sent ?? 0;
    expectKept(version, kept, 'counts of a node');
    const accounts = keys.map(({ publicKey: peer }) => ({ peer, app: 'echo', sent: version, received: 0 }));
    expectVersion(found, version === 0 ? [] : accounts, 'counts of a node');
  },
};

/** The newest list of a rack's members, as its manager keeps it. */
export const members: Writer = {
  async write(folder, kept, signal) {
    const admitted = await admittedIn(folder);
    for (let version = 1; !signal.aborted; version++) {
      admitted.offer(listOfMembers(version));
      await admitted.settled();
      kept(version);
    }
  },
  async check(folder, kept) {
    const { list } = await admittedIn(folder);
    expectKept(list?.number ?? 0, kept, 'list of members');
    if (list !== undefined) expectVersion(list.text, listOfMembers(list.number), 'list of members');
  },
};

/** Who has which address at a VPN server. */
export const vpnLeases: Writer = {
  async write(folder, kept, signal) {
    for (let version = 1; !signal.aborted; version++) {
      await writeLeases(join(folder, 'clients.json'), leasesOfVpn(version));
      kept(version);
    }
  },
  async check(folder, kept) {
    const found = await readLeases(join(folder, 'clients.json'));
    const version = found[0]?.place ?? 0;
    expectKept(version, kept, 'leases of the VPN');
    expectVersion(found, version === 0 ? [] : leasesOfVpn(version), 'leases of the VPN');
  },
};

function leasesOfTracker(version: number): StoredLease[] {
  return keys.map(({ publicKey }, index) => ({
    ...{ name: `app-${index}`, type: 'echo', node: publicKey, address: `stream:${version}` },
    ...{ lease: 30_000, owner: publicKey },
  }));
}

function leasesOfVpn(version: number): Lease[] {
  return keys.map(({ publicKey: node }, index) => ({ node, place: version + index }));
}

function listOfMembers(version: number): string {
  const boards = keys.map(({ publicKey: key }, index) => ({
    ...{ board: `board${index}`, key, roles: ['node'] as const },
  }));
  return signMembership(rack, version, boards);
}

function admittedIn(folder: string): Promise<Admitted> {
  const kept = join(folder, 'members');
  return Admitted.load({ peers: [], rack: rack.publicKey, kept, onProblem: rethrow });
}

function versionIn(address: string | undefined): number {
  return Number(address?.split(':')[1] ?? 0);
}

/** A writer that cannot write, or a reader that finds damage, only tells of it: here that is the end. */
function rethrow(problem: string): never {
  throw new Error(problem);
}
