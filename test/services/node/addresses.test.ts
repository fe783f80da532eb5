import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { parseAddress } from '../../../services/net/address.ts';
import { reachableAddresses } from '../../../services/node/addresses.ts';

it('tells others an address as it is', () => {
  expect(reachableAddresses({ host: '10.1.2.3', port: 7 })).toEqual(['10.1.2.3:7']);
  expect(reachableAddresses({ host: 'fd00::1', port: 7 })).toEqual(['[fd00::1]:7']);
  expect(reachableAddresses({ host: 'board1.lan', port: 7 })).toEqual(['board1.lan:7']);
});

it('tells for all addresses those of this machine, without loopback and what holds on one link only', () => {
  const here = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const host of ['0.0.0.0', '::']) {
    const told = reachableAddresses({ host, port: 7 }).map(parseAddress);
    const expected = here.filter(
      ({ family, internal, scopeid }) => !internal && !scopeid && (family === 'IPv4' || host === '::'),
    );
    expect(told).toEqual(expected.slice(0, 16).map(({ address }) => ({ host: address, port: 7 })));
  }
});
