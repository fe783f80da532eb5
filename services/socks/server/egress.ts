import { networkInterfaces } from 'node:os';
import {
  contains,
  formatNetwork,
  type IpBytes,
  type Network,
  parseIp,
  parseNetwork,
  unmap,
} from '../../net/ip.ts';
import { closedRanges, openRanges } from './ranges.ts';

/** A rule on a command line cannot be understood. */
export class EgressRuleError extends Error {
  override readonly name = 'EgressRuleError';
  constructor(text: string) {
    super(
      `${JSON.stringify(text)} is no rule: give CIDR or CIDR:PORT, for example 192.168.0.0/24, 10.0.0.7:443 or [fd00::/8]:22`,
    );
  }
}

export interface Rule {
  allow: boolean;
  network: Network;
  /** Every port when there is none. */
  port: number | undefined;
}

interface Ranked extends Rule {
  /** Set by the owner of the server. */
  chosen: boolean;
}

/**
 * Reads `CIDR` or `CIDR:PORT`; IPv6 with a port is `[CIDR]:PORT`, and an address alone is a network of one.
 * @throws {EgressRuleError}
 */
export function parseRule(allow: boolean, text: string): Rule {
  const match =
    /^\[(?<v6>[^\]]*)\](?::(?<port6>\d{1,5}))?$/.exec(text) ?? /^(?<v4>[^:]*):(?<port4>\d{1,5})$/.exec(text);
  const { v6, port6, v4, port4 } = match?.groups ?? {};
  const network = parseNetwork(v6 ?? v4 ?? text);
  const digits = port6 ?? port4;
  const port = digits === undefined ? undefined : Number(digits);
  const wrongFamily = v6 !== undefined && network?.bytes.length !== 16;
  if (!network || wrongFamily || (port !== undefined && (port === 0 || port > 65_535))) {
    throw new EgressRuleError(text);
  }
  return { allow, network, port };
}

/** How long the list of this machine's addresses is believed, in milliseconds. */
const ownAddressesMs = 1_000;

/**
 * Where a server opens connections to. Of all rules that fit the narrowest network decides; of those equally narrow one
 * with a port, then one that the owner chose, then a denial. What no rule fits is open. The addresses of this machine
 * are closed like networks of one; `--allow 192.168.0.0/24` does not open the server itself.
 */
export class Egress {
  readonly #rules: readonly Ranked[];
  readonly #ownAddresses: () => readonly string[];
  #own: Network[] = [];
  #ownUntil = Number.NEGATIVE_INFINITY;

  /** @param ownAddresses addresses of this machine that others may reach it by */
  constructor(rules: readonly Rule[], ownAddresses: () => readonly string[] = interfaceAddresses) {
    this.#rules = [
      ...rules.map((rule) => ({ ...rule, chosen: true })),
      ...closedRanges.map((text) => standing(false, text)),
      ...openRanges.map((text) => standing(true, text)),
    ].sort(narrowestFirst);
    this.#ownAddresses = ownAddresses;
  }

  /** @param address IPv4 or IPv6 in text; what is no address is not permitted */
  permits(address: string, port: number): boolean {
    const bytes = parseIp(address);
    return bytes !== undefined && facesOf(bytes).every((face) => this.#opens(face, port));
  }

  #opens(address: IpBytes, port: number): boolean {
    const rule = this.#rules.find(
      (candidate) =>
        contains(candidate.network, address) && (candidate.port === undefined || candidate.port === port),
    );
    if (rule?.chosen && rule.network.prefix === 8 * address.length) return rule.allow;
    if (this.#isOwn(address)) return false;
    return rule?.allow ?? true;
  }

  #isOwn(address: IpBytes): boolean {
    const now = performance.now();
    if (now >= this.#ownUntil) {
      this.#own = this.#ownAddresses().flatMap((text) => parseNetwork(text) ?? []);
      this.#ownUntil = now + ownAddressesMs;
    }
    return this.#own.some((network) => contains(network, address));
  }
}

/** One line a rule, for a person. */
export function formatRule({ allow, network, port }: Rule): string {
  const text = formatNetwork(network);
  const written = port === undefined ? text : text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
  return `${allow ? 'allow' : 'deny'} ${written}`;
}

/**
 * The addresses that an address stands for, each of which has to be permitted: an IPv4-mapped one is that IPv4 address
 * and nothing else; one of NAT64 (RFC 6052) or 6to4 (RFC 3056) leads through it.
 */
function facesOf(bytes: IpBytes): IpBytes[] {
  if (contains(nat64, bytes)) return [bytes, bytes.subarray(12)];
  if (contains(sixToFour, bytes)) return [bytes, bytes.subarray(2, 6)];
  return [unmap(bytes)];
}

const nat64 = networkOf('64:ff9b::/96');
const sixToFour = networkOf('2002::/16');

function narrowestFirst(one: Ranked, other: Ranked): number {
  return (
    other.network.prefix - one.network.prefix ||
    Number(other.port !== undefined) - Number(one.port !== undefined) ||
    Number(other.chosen) - Number(one.chosen) ||
    Number(one.allow) - Number(other.allow)
  );
}

function standing(allow: boolean, text: string): Ranked {
  return { allow, network: networkOf(text), port: undefined, chosen: false };
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new TypeError(`${text} is no network`);
  return network;
}

/** Loopback is closed by its range, so that the owner can open it by that. */
function interfaceAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !(internal && (address === '::1' || address.startsWith('127.'))))
    .map(({ address }) => address);
}
