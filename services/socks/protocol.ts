/**
 * SOCKS5 as RFC 1928 and RFC 1929 have it. A decoder reads from the beginning of what has come so far: it returns
 * nothing while more has to come, and throws {@link SocksError} as soon as what has come cannot become right.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { formatIp, parseIp } from '../net/ip.ts';

const VERSION = 5;
/** Version of the negotiation of RFC 1929. */
const PASSWORD_VERSION = 1;

export const method = { none: 0, password: 2, unacceptable: 0xff } as const;
export const command = { connect: 1, bind: 2, associate: 3 } as const;
const addressType = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** What a reply says. The names are those of RFC 1928, section 6. */
export const reply = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  timeToLiveExpired: 6,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;
export type ReplyCode = (typeof reply)[keyof typeof reply];

/** Largest datagram header: reserved, fragment, type, a name of 255 bytes with its length, port. */
export const MAX_UDP_HEADER_BYTES = 262;

/** A request cannot be understood or fulfilled; `code` is what the one who asked is told. */
export class SocksError extends Error {
  override readonly name = 'SocksError';
  readonly code: ReplyCode;

  constructor(code: ReplyCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a decoder found at the beginning, and how many bytes it had. */
export type Decoded<T> = { value: T; length: number } | undefined;

/** Where to: `host` is an address in its canonical text, or a name of printable ASCII. */
export interface Destination {
  host: string;
  port: number;
}

export interface Request {
  command: number;
  destination: Destination;
}

export interface Credentials {
  name: Buffer;
  password: Buffer;
}

/** Said where no address is known, or nobody's business. */
export const nowhere: Destination = { host: '0.0.0.0', port: 0 };

/** The methods that the program takes. */
export function decodeGreeting(bytes: Buffer): Decoded<Buffer> {
  checkVersion(bytes);
  const end = 2 + (bytes[1] ?? 0);
  return bytes.length < 2 || bytes.length < end ? undefined : { value: bytes.subarray(2, end), length: end };
}

export function encodeGreeting(methods: readonly number[]): Buffer {
  return Buffer.from([VERSION, methods.length, ...methods]);
}

export function decodeMethod(bytes: Buffer): Decoded<number> {
  checkVersion(bytes);
  const value = bytes[1];
  return value === undefined ? undefined : { value, length: 2 };
}

export function encodeMethod(chosen: number): Buffer {
  return Buffer.from([VERSION, chosen]);
}

export function decodeCredentials(bytes: Buffer): Decoded<Credentials> {
  if (bytes.length > 0 && bytes[0] !== PASSWORD_VERSION) {
    throw new SocksError(reply.generalFailure, `version ${bytes[0]} of the password negotiation, not 1`);
  }
  const nameEnd = 2 + (bytes[1] ?? 0);
  const end = nameEnd + 1 + (bytes[nameEnd] ?? 0);
  if (bytes.length <= nameEnd || bytes.length < end) return undefined;
  return {
    value: { name: bytes.subarray(2, nameEnd), password: bytes.subarray(nameEnd + 1, end) },
    length: end,
  };
}

/** @param name at most 255 bytes, as is `password` */
export function encodeCredentials({ name, password }: Credentials): Buffer {
  return Buffer.concat([
    Buffer.from([PASSWORD_VERSION, name.length]),
    name,
    Buffer.from([password.length]),
    password,
  ]);
}

export function encodePasswordAnswer(accepted: boolean): Buffer {
  return Buffer.from([PASSWORD_VERSION, accepted ? 0 : 1]);
}

export function decodeRequest(bytes: Buffer): Decoded<Request> {
  const decoded = decodeMessage(bytes);
  return decoded && { ...decoded, value: { command: bytes[1] ?? 0, destination: decoded.value } };
}

export function encodeRequest(request: Request): Buffer {
  return encodeMessage(request.command, request.destination);
}

/** @returns the code, of which an unknown one is a general failure, and the address at the other end */
export function decodeReply(bytes: Buffer): Decoded<{ code: ReplyCode; bound: Destination }> {
  const decoded = decodeMessage(bytes);
  return decoded && { ...decoded, value: { code: replyCodeOf(bytes[1] ?? 0), bound: decoded.value } };
}

export function encodeReply(code: ReplyCode, bound: Destination = nowhere): Buffer {
  return encodeMessage(code, bound);
}

/** @returns nothing when it is no datagram of SOCKS, or a fragment: both are to be dropped */
export function decodeDatagram(bytes: Buffer): { destination: Destination; payload: Buffer } | undefined {
  if (bytes.length < 4 || bytes.readUInt16BE(0) !== 0 || bytes[2] !== 0) return undefined;
  try {
    const decoded = decodeDestination(bytes, 3);
    return decoded && { destination: decoded.value, payload: bytes.subarray(decoded.length) };
  } catch (error) {
    if (error instanceof SocksError) return undefined;
    throw error;
  }
}

export function encodeDatagram(destination: Destination, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(3), encodeDestination(destination), payload]);
}

/** Requests and replies have the same form. */
function decodeMessage(bytes: Buffer): Decoded<Destination> {
  checkVersion(bytes);
  return decodeDestination(bytes, 3);
}

function encodeMessage(second: number, destination: Destination): Buffer {
  return Buffer.concat([Buffer.from([VERSION, second, 0]), encodeDestination(destination)]);
}

/** @returns its length counts from the beginning of `bytes` */
function decodeDestination(bytes: Buffer, at: number): Decoded<Destination> {
  const type = bytes[at];
  if (type === undefined) return undefined;
  const from = type === addressType.name ? at + 2 : at + 1;
  const end = from + addressLength(type, bytes[at + 1] ?? 0);
  if (bytes.length < end + 2) {
    if (type === addressType.name) checkName(bytes.subarray(from, end), bytes[at + 1]);
    return undefined;
  }
  const address = bytes.subarray(from, end);
  const host = type === addressType.name ? nameOf(address) : formatIp(address);
  return { value: { host, port: bytes.readUInt16BE(end) }, length: end + 2 };
}

function encodeDestination({ host, port }: Destination): Buffer {
  const address = parseIp(host);
  const bytes = address ?? Buffer.from(host, 'latin1');
  if (bytes.length > 255) throw new RangeError(`a name of ${bytes.length} bytes is longer than 255`);
  const head = address
    ? [address.length === 4 ? addressType.ipv4 : addressType.ipv6]
    : [addressType.name, bytes.length];
  return Buffer.from([...head, ...bytes, port >> 8, port & 0xff]);
}

function addressLength(type: number, second: number): number {
  if (type === addressType.ipv4) return 4;
  if (type === addressType.ipv6) return 16;
  if (type === addressType.name) return second;
  throw new SocksError(reply.addressTypeNotSupported, `there is no address type ${type}`);
}

/** A name that is an address in text is that address, so that a destination has one form. */
function nameOf(bytes: Buffer): string {
  checkName(bytes, bytes.length);
  const text = bytes.toString('latin1');
  if (!isIPv4(text) && !isIPv6(text)) return text;
  const address = parseIp(text);
  if (address) return formatIp(address);
  throw new SocksError(reply.addressTypeNotSupported, 'an address with a zone means nothing elsewhere');
}

/** What has come of a name; `length` is what its first byte promised, nothing while that has not come. */
function checkName(bytes: Buffer, length: number | undefined): void {
  if (length === 0) throw new SocksError(reply.generalFailure, 'the name is empty');
  if (bytes.some((byte) => byte <= 0x20 || byte >= 0x7f)) {
    throw new SocksError(reply.generalFailure, 'the name has other characters than printable ASCII');
  }
}

function checkVersion(bytes: Buffer): void {
  const [first] = bytes;
  if (first === undefined || first === VERSION) return;
  throw new SocksError(reply.generalFailure, `${protocolOf(first)} was spoken, not SOCKS5`);
}

/** What programs speak that were told of a proxy of another kind. */
function protocolOf(first: number): string {
  if (first === 4) return 'SOCKS4';
  if (first === 0x16) return 'TLS';
  return first >= 0x41 && first <= 0x5a ? 'HTTP' : `something that begins with byte ${first}`;
}

function replyCodeOf(code: number): ReplyCode {
  return Object.values(reply).find((known) => known === code) ?? reply.generalFailure;
}
