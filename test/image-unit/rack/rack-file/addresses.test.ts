import { describe, expect, it } from 'vitest';
import {
  formatIpv4,
  freeAddress,
  parseIpv4,
  parseSubnet,
  schemeAddress,
  unusable,
} from '../../../../image/rack/rack-file/addresses.ts';

function subnet(text: string) {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(`${text} is no network`);
  return parsed;
}

describe('a network of a rack', () => {
  it.each(['192.168.0.1/24', '192.168.0.0', '192.168.0.0/31', '10.0.0.0/7', 'fd00::/64', '0.0.0.0/0', 'x'])(
    'is not %s',
    (text) => {
      expect(parseSubnet(text)).toBeUndefined();
    },
  );

  it('knows which addresses no machine can have', () => {
    const net = subnet('192.168.0.0/24');
    const problem = (address: string) => unusable(parseIpv4(address) ?? 0, net);
    expect(problem('192.168.0.1')).toBeUndefined();
    expect(problem('192.168.0.254')).toBeUndefined();
    expect(problem('192.168.0.0')).toContain('network');
    expect(problem('192.168.0.255')).toContain('broadcast');
    expect(problem('192.168.1.0')).toContain('outside');
    expect(problem('192.167.255.255')).toContain('outside');
  });

  it("has the Skyminer's addresses for its eight boards alone", () => {
    const net = subnet('192.168.0.0/24');
    const named = ['node1', 'node8', 'node9', 'node0', 'node10', 'mynode1'].map((board) =>
      schemeAddress(board, net),
    );
    expect(named).toEqual(['192.168.0.2', '192.168.0.9', undefined, undefined, undefined, undefined]);
    expect(schemeAddress('node1', subnet('10.0.0.0/29'))).toBe('10.0.0.2');
    expect(schemeAddress('node6', subnet('10.0.0.0/29'))).toBeUndefined();
  });

  it('gives the lowest address that nobody has, and none when all are taken', () => {
    const net = subnet('223.255.255.248/29');
    const taken = new Set<string>();
    const given = Array.from({ length: 6 }, () => {
      const address = freeAddress(net, taken);
      taken.add(address ?? '');
      return address;
    });
    expect(given).toEqual([...[250, 251, 252, 253, 254].map((end) => `223.255.255.${end}`), undefined]);
  });

  it('writes addresses as it reads them', () => {
    for (const text of ['0.0.0.0', '10.1.2.3', '255.255.255.255', '192.168.0.9'])
      expect(formatIpv4(parseIpv4(text) ?? -1)).toBe(text);
    expect(parseIpv4('192.168.0.02')).toBeUndefined();
    expect(parseIpv4('::1')).toBeUndefined();
  });
});
