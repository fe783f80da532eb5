import { config } from './config-writer.ts';
import { journal } from './journal.ts';
import { identities, ownerSecrets } from './once-writers.ts';
import { members, metering, trackerLeases, vpnLeases } from './state-writers.ts';
import { history, logs } from './text-writers.ts';
import type { Writer } from './writer.ts';

/** Everything of ours that writes what must outlive a power cut, by the name of its folder. */
export const writers: Readonly<Record<string, Writer>> = {
  journal,
  config,
  history,
  identities,
  logs,
  members,
  metering,
  'owner-secrets': ownerSecrets,
  'tracker-leases': trackerLeases,
  'vpn-leases': vpnLeases,
};
