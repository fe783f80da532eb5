import { expect, it } from 'vitest';
import { judge } from '../../../../services/viscript/troubles/network.ts';

const port = (name: string, link: boolean, address: boolean) => ({ name, link, address });

it('finds nothing wrong with a board that has an address on one of its ports', () => {
  expect(judge([port('eth0', false, false), port('eth1', true, true)])).toEqual([]);
});

it('tells a board without a port from one without a cable and one without a DHCP server', () => {
  expect(judge([])).toEqual(['no network: this board has no network port']);
  expect(judge([port('eth0', false, false), port('eth1', false, false)])).toEqual([
    'no network: no link on eth0, eth1; is the cable in?',
  ]);
  expect(judge([port('eth0', false, false), port('eth1', true, false)])).toEqual([
    'no network: no address on eth1 yet; no DHCP server has answered',
  ]);
});
