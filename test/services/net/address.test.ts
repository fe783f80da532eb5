import { describe, expect, it } from 'vitest';
import { AddressError, formatAddress, isLoopback, parseAddress } from '../../../services/net/address.ts';

describe('an address', () => {
  it.each([
    ['127.0.0.1:20000', '127.0.0.1', 20_000],
    ['20000', '127.0.0.1', 20_000],
    [':20000', '127.0.0.1', 20_000],
    ['0.0.0.0:1', '0.0.0.0', 1],
    ['[::1]:0', '::1', 0],
    ['board-2.local:65535', 'board-2.local', 65_535],
  ])('%s is host %s and port %i', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(parseAddress(formatAddress({ host, port }))).toEqual({ host, port });
  });

  it.each([
    '',
    'host',
    'host:',
    'host:port',
    '1.2.3.4:65536',
    '::1:80',
    '[nonsense]:80',
    'a b:1',
    '1.2.3.4:-1',
  ])('is not %j', (text) => expect(() => parseAddress(text)).toThrow(AddressError));

  it('that names no host is reached from this machine alone', () => {
    for (const text of ['20000', ':20000', 'localhost:1', '127.9.9.9:1', '[::1]:1']) {
      expect(isLoopback(parseAddress(text))).toBe(true);
    }
    for (const text of ['0.0.0.0:1', '192.168.0.2:1', '127.example.org:1', '[::]:1']) {
      expect(isLoopback(parseAddress(text))).toBe(false);
    }
  });
});
