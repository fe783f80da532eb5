import type { Remark } from '../../../services/yaml/index.ts';
import { property } from '../../../services/yaml/raw.ts';
import { DEFAULT_SUBNET, parseIpv4, parseSubnet, type Subnet, schemeAddress, unusable } from './addresses.ts';

/** What must hold between network, gateway, manager and the addresses of boards. */
export function* checkNetwork(raw: unknown, boards: readonly string[]): Generator<Remark> {
  const network = property(raw, 'network') ?? DEFAULT_SUBNET;
  const gateway = property(raw, 'gateway');
  const subnet = typeof network === 'string' ? parseSubnet(network) : undefined;
  if (network === 'dhcp') {
    if (gateway !== undefined)
      yield {
        path: ['gateway'],
        key: true,
        message: 'gateway comes by DHCP where network is that: remove it',
      };
    yield* needlessAddresses(raw, boards);
  } else if (subnet !== undefined) {
    yield* wrongAddresses(raw, boards, subnet, typeof gateway === 'string' ? gateway : undefined);
  }
  yield* unreachableManager(raw, boards, subnet);
  yield* sharedPorts(raw, boards);
}

function* needlessAddresses(raw: unknown, boards: readonly string[]): Generator<Remark> {
  for (const board of boards) {
    const address = addressIn(raw, board);
    if (address === undefined || address === 'dhcp') continue;
    const message = `boards.${board}.address needs a network: give network: ${DEFAULT_SUBNET} or yours in place of dhcp`;
    yield { path: ['boards', board, 'address'], message };
  }
}

function* wrongAddresses(
  raw: unknown,
  boards: readonly string[],
  subnet: Subnet,
  gateway: string | undefined,
): Generator<Remark> {
  const router = gateway === undefined ? undefined : parseIpv4(gateway);
  const wrong = router === undefined ? undefined : unusable(router, subnet);
  if (wrong !== undefined) yield { path: ['gateway'], message: `gateway ${gateway} ${wrong}` };

  const owners = new Map<number, string>();
  for (const board of boards) {
    const path = ['boards', board, 'address'];
    const text = addressIn(raw, board) ?? schemeAddress(board, subnet);
    if (text === undefined) {
      yield { path, message: `boards.${board} has no "address": give one in ${subnet.text}, or dhcp` };
      continue;
    }
    const address = parseIpv4(text);
    if (address === undefined) continue;
    const owner = owners.get(address);
    const problem =
      unusable(address, subnet) ??
      (address === router ? 'is that of the gateway' : undefined) ??
      (owner === undefined ? undefined : `is that of ${owner}: each board has one of its own`);
    if (problem !== undefined) yield { path, message: `boards.${board}.address ${text} ${problem}` };
    else owners.set(address, board);
  }
}

function* unreachableManager(
  raw: unknown,
  boards: readonly string[],
  subnet: Subnet | undefined,
): Generator<Remark> {
  const manager = property(raw, 'manager');
  if (typeof manager !== 'string' || !boards.includes(manager)) return;
  const address = addressIn(raw, manager) ?? (subnet && schemeAddress(manager, subnet));
  // Without an address in a network, that is said already.
  if (address !== 'dhcp' && (address !== undefined || subnet !== undefined)) return;
  if (subnet === undefined && property(raw, 'network') !== 'dhcp') return;
  const message = `manager ${manager} has no fixed address, by which the others find it: give it one, or KEY@HOST:PORT here`;
  yield { path: ['manager'], message };
}

function* sharedPorts(raw: unknown, boards: readonly string[]): Generator<Remark> {
  const owners = new Map<string, string>();
  for (const board of boards) {
    const mac = property(property(property(raw, 'boards'), board), 'mac');
    if (typeof mac !== 'string') continue;
    const owner = owners.get(mac.toLowerCase());
    owners.set(mac.toLowerCase(), owner ?? board);
    if (owner === undefined) continue;
    yield { path: ['boards', board, 'mac'], message: `boards.${board}.mac ${mac} is that of ${owner}` };
  }
}

function addressIn(raw: unknown, board: string): string | undefined {
  const address = property(property(property(raw, 'boards'), board), 'address');
  return typeof address === 'string' ? address : undefined;
}
