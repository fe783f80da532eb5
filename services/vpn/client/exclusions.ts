import { lookup } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';
import { showMesh } from '../../mesh/show.ts';
import { parseAddress } from '../../net/address.ts';
import { formatIp, type Network, parseIp } from '../../net/ip.ts';

/** Kernel's number of the state LISTEN in /proc/self/net/tcp; include/net/tcp_states.h. */
const LISTEN = '0A';

/**
 * The user of the node on this machine, where it is one that does nothing else: a system user, or one of systemd's
 * dynamic users. Undefined where a person's user or root runs it, or it does not listen on this machine now.
 */
export async function nodeUser(node: string): Promise<number | undefined> {
  const user = await (node.includes('/') ? ownerOf(node) : userOfListener(parseAddress(node).port));
  return user !== undefined && isServiceUser(user) ? user : undefined;
}

/**
 * The addresses of all nodes of the mesh that others dial, as the node's manager knows them, and that of the node itself
 * when it is on another machine.
 * @throws {MeshError | RpcError} when the node or its manager does not say
 */
export async function meshAddresses(node: string): Promise<Network[]> {
  const rows = await showMesh(node, 'nodes');
  return hostsOf(rows.flatMap(addressesOfRow));
}

/** The address of the node, where it is on another machine. */
export async function nodeAddress(node: string): Promise<Network[]> {
  return node.includes('/') ? [] : hostsOf([node]);
}

async function hostsOf(addresses: readonly string[]): Promise<Network[]> {
  const hosts = new Set(addresses.map((address) => parseAddress(address).host));
  const found = await Promise.all([...hosts].map(resolve));
  return found.flat().filter(({ bytes }) => !isLocal(bytes));
}

/** A name that nobody knows is no way that the node can go. */
async function resolve(host: string): Promise<Network[]> {
  const literal = parseIp(host);
  if (literal) return [single(literal)];
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.flatMap(({ address }) => parseIp(address) ?? []).map(single);
}

function single(bytes: Uint8Array): Network {
  return { bytes, prefix: bytes.length * 8 };
}

/** Loopback, or the address that stands for all of a machine's own. */
function isLocal(bytes: Uint8Array): boolean {
  return bytes.length === 4 ? bytes[0] === 127 || bytes[0] === 0 : ['::', '::1'].includes(formatIp(bytes));
}

function addressesOfRow(row: unknown): string[] {
  if (typeof row !== 'object' || row === null || !('addresses' in row)) return [];
  const { addresses } = row;
  if (!Array.isArray(addresses)) return [];
  return addresses.filter((address): address is string => typeof address === 'string' && isAddress(address));
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** systemd's ranges: see users-groups.md of systemd, "UID ranges". */
function isServiceUser(user: number): boolean {
  return (user > 0 && user < 1_000) || (user >= 61_184 && user <= 65_519);
}

async function ownerOf(socket: string): Promise<number | undefined> {
  try {
    return (await stat(socket)).uid;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The user of the socket that listens on this port of loopback or of all addresses. */
async function userOfListener(port: number): Promise<number | undefined> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const tables = await Promise.all(['/proc/self/net/tcp', '/proc/self/net/tcp6'].map(readTable));
  for (const line of tables.join('\n').split('\n')) {
    const [, local = '', , state, , , , user] = line.trim().split(/\s+/);
    if (state === LISTEN && local.endsWith(`:${hexPort}`)) return Number(user);
  }
  return undefined;
}

async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // This kernel has no IPv6.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
