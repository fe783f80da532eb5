import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../services/net/ip.ts';
import {
  type Decoded,
  type Destination,
  decodeCredentials,
  decodeDatagram,
  decodeGreeting,
  decodeMethod,
  decodeReply,
  decodeRequest,
  encodeCredentials,
  encodeDatagram,
  encodeGreeting,
  encodeMethod,
  encodeReply,
  encodeRequest,
  MAX_UDP_HEADER_BYTES,
  reply,
  SocksError,
} from '../../../services/socks/protocol.ts';
import { fuzzRuns } from '../../fuzz.ts';

const decoders = {
  greeting: decodeGreeting,
  method: decodeMethod,
  credentials: decodeCredentials,
  request: decodeRequest,
  reply: decodeReply,
};

const ip = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const name = fc.string({ unit: fc.constantFrom(...'abcxyz019.-_'), minLength: 1, maxLength: 255 });
const host = fc.oneof(ip.map(formatIp), name);
const destination: fc.Arbitrary<Destination> = fc.record({ host, port: fc.nat(0xffff) });
const short = fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes));
const tail = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));

/** What a decoder makes of bytes that come one by one: the value, the error, or nothing. */
function incrementally<T>(decode: (bytes: Buffer) => Decoded<T>, bytes: Buffer): Decoded<T> {
  for (let end = 0; end < bytes.length; end++) {
    const decoded = decode(bytes.subarray(0, end));
    if (decoded) return decoded;
  }
  return decode(bytes);
}

/** The result or the reply code of the error. @throws what is no SocksError */
function outcome<T>(act: () => T): T | { refused: number } {
  try {
    return act();
  } catch (error) {
    if (error instanceof SocksError) return { refused: error.code };
    throw error;
  }
}

/** Mostly right messages with a few bytes changed, and pure noise. */
const messages = fc.oneof(
  { weight: 2, arbitrary: destination.map((value) => encodeRequest({ command: 1, destination: value })) },
  { weight: 1, arbitrary: short.map((methods) => encodeGreeting([...methods])) },
  {
    weight: 1,
    arbitrary: fc.record({ name: short, password: short }).map((value) => encodeCredentials(value)),
  },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);
const garbled = fc
  .tuple(messages, fc.array(fc.tuple(fc.nat(12), fc.nat(255)), { maxLength: 2 }), tail)
  .map(([message, changes, more]) => {
    const bytes = Buffer.concat([message, more]);
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return bytes;
  });

describe('messages of SOCKS5', () => {
  it('come back as they were sent, whatever follows them', () => {
    fc.assert(
      fc.property(destination, fc.nat(255), tail, (value, command, more) => {
        const request = encodeRequest({ command, destination: value });
        expect(decodeRequest(Buffer.concat([request, more]))).toEqual({
          value: { command, destination: value },
          length: request.length,
        });
        const code = reply.connectionRefused;
        expect(decodeReply(encodeReply(code, value))?.value).toEqual({ code, bound: value });
        const datagram = encodeDatagram(value, more);
        expect(datagram.length - more.length).toBeLessThanOrEqual(MAX_UDP_HEADER_BYTES);
        expect(decodeDatagram(datagram)).toEqual({ destination: value, payload: more });
      }),
      { numRuns: 10_000 },
    );
    fc.assert(
      fc.property(short, short, (one, other) => {
        expect(decodeGreeting(encodeGreeting([...one]))).toEqual({ value: one, length: 2 + one.length });
        const value = { name: one, password: other };
        expect(decodeCredentials(encodeCredentials(value))?.value).toEqual(value);
      }),
    );
    expect(decodeMethod(encodeMethod(2))).toEqual({ value: 2, length: 2 });
  });

  it('mean the same byte by byte as at once, also when they are garbage', () => {
    fc.assert(
      fc.property(garbled, (bytes) => {
        decodeDatagram(bytes);
        return Object.values<(bytes: Buffer) => Decoded<unknown>>(decoders).every((decode) =>
          isDeepStrictEqual(
            outcome(() => incrementally(decode, bytes)),
            outcome(() => decode(bytes)),
          ),
        );
      }),
      fuzzRuns('socks-messages', 100_000),
    );
  });

  it('are never waited for when they cannot become right', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 700, maxLength: 700 }), (noise) => {
        const bytes = Buffer.from(noise);
        return Object.values<(bytes: Buffer) => Decoded<unknown>>(decoders).every(
          (decode) => outcome(() => decode(bytes)) !== undefined,
        );
      }),
      fuzzRuns('socks-noise', 5_000),
    );
  });
});

describe('what is refused', () => {
  it.each([
    ['GET / HTTP/1.1\r\n', 'HTTP was spoken'],
    ['\x04\x01', 'SOCKS4 was spoken'],
    ['\x16\x03\x01', 'TLS was spoken'],
  ])('%j, because %s', (text, why) => {
    expect(() => decodeGreeting(Buffer.from(text, 'latin1'))).toThrow(why);
  });

  it.each([
    ['an unknown address type', [5, 1, 0, 2], reply.addressTypeNotSupported],
    ['an empty name', [5, 1, 0, 3, 0, 0, 80], reply.generalFailure],
    ['a name with a zero byte', [5, 1, 0, 3, 3, 97, 0], reply.generalFailure],
    [
      'an address with a zone',
      [5, 1, 0, 3, 5, ...Buffer.from('::1%1'), 0, 80],
      reply.addressTypeNotSupported,
    ],
  ])('%s', (_what, bytes, code) => {
    expect(outcome(() => decodeRequest(Buffer.from(bytes)))).toEqual({ refused: code });
  });

  it('a name that is longer than its length byte can say', () => {
    expect(() => encodeRequest({ command: 1, destination: { host: 'a'.repeat(256), port: 1 } })).toThrow(
      RangeError,
    );
  });

  it.each([
    ['a fragment', [0, 0, 1, 1, 127, 0, 0, 1, 0, 53]],
    ['a reserved byte that is set', [0, 1, 0, 1, 127, 0, 0, 1, 0, 53]],
    ['a header that is cut', [0, 0, 0, 1, 127, 0, 0, 1, 0]],
    ['an unknown address type', [0, 0, 0, 9, 127, 0, 0, 1, 0, 53]],
  ])('a datagram with %s', (_what, bytes) => {
    expect(decodeDatagram(Buffer.from(bytes))).toBeUndefined();
  });
});

describe('a destination', () => {
  it.each(['127.0.0.1', '2001:db8::1'])('that names %s in text is that address', (text) => {
    const bytes = [5, 1, 0, 3, text.length, ...Buffer.from(text), 0, 80];
    expect(decodeRequest(Buffer.from(bytes))?.value.destination).toEqual({ host: text, port: 80 });
  });
});
