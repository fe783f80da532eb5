import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Host, Lab } from '../../lib/lab.ts';
import { MeasureError, until } from '../process.ts';
import { startOn, startProgram, stopProgram } from '../proxies/proxy.ts';

/** Two hosts that a cable joins. */
export interface Pair {
  lab: Lab;
  near: Host;
  far: Host;
  /** An empty one. */
  folder: string;
  /** Largest packet that the VPN is to take. */
  mtu: number;
}

export interface Vpn {
  name: string;
  /**
   * @param left for what is to be removed when its programs have ended
   * @returns the far host's address in the VPN, which leads there soon
   */
  start(pair: Pair, left: AsyncDisposableStack): Promise<string>;
}

/** A VPN that runs, and a server for `iperf3` at its far end. */
export interface RunningVpn {
  near: Host;
  far: Host;
  /** The far host's in the VPN. */
  address: string;
}

/** Time there and back, and the probability that a packet is lost in each direction. */
export interface CableOptions {
  roundTripMs: number;
  loss: number;
}

const MTU = 1_400;
/** Numbers the cables of this process. */
let cables = 0;

/** @param cable undefined: as fast as the kernel passes packets on */
export async function startVpn(
  vpn: Vpn,
  cable: CableOptions | undefined,
  folder: string,
  stack: AsyncDisposableStack,
): Promise<RunningVpn> {
  await mkdir(folder, { recursive: true });
  // What a VPN leaves behind is removed when its programs have ended, with the lab.
  const left = stack.use(new AsyncDisposableStack());
  const lab = stack.use(new Lab());
  const [near, far] = [await lab.host('near'), await lab.host('far')];
  if (cable === undefined) await lab.connect('near', 'far');
  else await lab.plug('near', 'far', await startLongCable(cable, stack));
  const address = await vpn.start({ lab, near, far, folder, mtu: MTU }, left);
  await until(`${vpn.name}: a packet`, () => near.run('ping', '-c', '1', '-W', '1', address));
  startOn(far, 'iperf3', ['--server']);
  await until('iperf3', () => far.run('nc', '-z', '127.0.0.1', '5201'));
  return { near, far, address };
}

/** @returns the names of the interfaces that are its ends, for {@link Lab.plug} */
export async function startLongCable(
  { roundTripMs, loss }: CableOptions,
  stack: AsyncDisposableStack,
): Promise<[string, string]> {
  const name = `long${process.pid.toString(36)}${(cables++).toString(36)}`;
  const ends: [string, string] = [`${name}a`, `${name}b`];
  const program = join(import.meta.dirname, 'long-cable.ts');
  const child = startProgram(process.execPath, [program, ...ends, String(roundTripMs / 2), String(loss)]);
  stack.defer(() => stopProgram(child));
  if (child.stdout === null) throw new MeasureError('a cable says nothing');
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return ends;
}
