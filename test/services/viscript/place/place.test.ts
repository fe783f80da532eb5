import { describe, expect, it } from 'vitest';
import { addressesOn } from '../../../../services/viscript/place/addresses.ts';
import { placeLines } from '../../../../services/viscript/place/place.ts';

const routes = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
  'eth0\t00000000\t0102000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0',
  'eth0\t0002000A\t00000000\t0001\t0\t0\t1024\t00FFFFFF\t0\t0\t0',
  'eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  'skywire0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
].join('\n');
const trie = ['10.0.2.15', '127.0.0.1', '192.168.0.4', '10.99.0.1']
  .map(
    (address) =>
      `        |-- ${address}\n           /32 host LOCAL\n        |-- 10.0.2.255\n           /32 link BROADCAST\n`,
  )
  .join('');

describe('the place of a board', () => {
  it('is its name, its rack and its addresses', () => {
    const rack = JSON.stringify({ board: 'node4', domain: 'rack.mesh', rack: 'ab'.repeat(32) });
    expect(placeLines(rack, ['192.168.0.4'])).toEqual([
      'Board node4 of the rack rack.mesh (abababab), 192.168.0.4',
    ]);
    expect(placeLines(rack, [])).toEqual(['Board node4 of the rack rack.mesh (abababab), no address yet']);
  });

  it('is what to do next, in two lines, while it has none', () => {
    for (const rack of [undefined, 'torn', '{}']) {
      const lines = placeLines(rack, ['10.0.2.15']);
      expect(lines).toHaveLength(2);
      expect(lines[0]).toContain('10.0.2.15');
      expect(lines[1]).toContain('skyminer provision');
      expect(lines[1]).toContain('board.yaml');
    }
  });
});

describe('the addresses of a board', () => {
  it('are those of its ports, and none of a tunnel or of loopback', () => {
    expect(addressesOn(['eth0', 'eth1'], routes, trie)).toEqual(['10.0.2.15', '192.168.0.4']);
    expect(addressesOn(['eth1'], routes, trie)).toEqual(['192.168.0.4']);
    expect(addressesOn([], routes, trie)).toEqual([]);
  });
});
