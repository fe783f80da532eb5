import { join } from 'node:path';
import type { Row } from './row.ts';
import { iperf } from './vpn/iperf.ts';
import { nebula } from './vpn/nebula.ts';
import { ourVpn } from './vpn/ours.ts';
import { type CableOptions, type RunningVpn, startVpn, type Vpn } from './vpn/vpn.ts';
import { wireguardGo } from './vpn/wireguard.ts';
import { yggdrasil } from './vpn/yggdrasil.ts';

export interface VpnOptions {
  /** Folder with the bundled apps. */
  apps: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

const GROUP = 'VPN, MTU 1,400';
const SECONDS = 3;

const cables: readonly { what: string; cable: CableOptions | undefined }[] = [
  { what: '', cable: undefined },
  { what: ', 20 ms and 1 % loss', cable: { roundTripMs: 20, loss: 0.01 } },
];
const directions = [
  { what: 'TCP to the server', reverse: false },
  { what: 'TCP from the server', reverse: true },
];

/** Our VPN beside others, each between two hosts of its own: one connection of TCP, in both directions. */
export async function measureVpn({ apps, folder, rounds, progress }: VpnOptions): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const ours = ourVpn(apps);
  const peers = [nebula, wireguardGo, yggdrasil];
  const tests: Test[] = [];
  for (const [number, { what, cable }] of cables.entries()) {
    const running: { vpn: Vpn; at: RunningVpn }[] = [];
    for (const vpn of [ours, ...peers]) {
      progress(`VPN: start ${vpn.name}${what}`);
      running.push({ vpn, at: await startVpn(vpn, cable, join(folder, `${vpn.name}${number}`), stack) });
    }
    for (const direction of directions)
      tests.push({ ...direction, what: `${direction.what}${what}`, running, speeds: new Map() });
  }
  // In the first round everything is warmed up.
  for (let round = 0; round <= rounds; round++) {
    progress(`VPN: round ${round} of ${rounds}`);
    for (const { running, speeds, reverse } of tests) {
      for (const { vpn, at } of running) {
        const speed = await iperf(at.near, at.address, SECONDS, reverse);
        if (round > 0) speeds.set(vpn.name, [...(speeds.get(vpn.name) ?? []), speed]);
      }
    }
  }
  return tests.flatMap((test) => rowsOf(test, ours, peers));
}

interface Test {
  what: string;
  reverse: boolean;
  running: { vpn: Vpn; at: RunningVpn }[];
  /** Mbit/s by name, one a round. */
  speeds: Map<string, number[]>;
}

/** A row has one bound only: the second is for what must be reached beside the second peer. */
function rowsOf({ what, speeds }: Test, ours: Vpn, peers: readonly Vpn[]): Row[] {
  const row = (text: string, of: Vpn, others: readonly Vpn[]): Row => ({
    ...{ group: GROUP, what: text, unit: 'Mbit/s', ours: speeds.get(ours.name) ?? [] },
    peers: Object.fromEntries(others.map(({ name }) => [name, speeds.get(name) ?? []])),
    must: { limit: 0.9, of: of.name, atLeast: true },
    goal: { limit: 1.2, of: of.name, atLeast: true },
  });
  return [row(what, nebula, peers), row('the same', wireguardGo, [wireguardGo])];
}
