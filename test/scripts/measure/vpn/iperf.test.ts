import { expect, it } from 'vitest';
import { receivedMegabits } from '../../../../scripts/measure/vpn/iperf.ts';

it('takes from a report of iperf3 what has arrived, not what was sent', () => {
  const report = {
    start: { version: 'iperf 3.12' },
    end: {
      sum_sent: { bits_per_second: 2e9, retransmits: 3 },
      sum_received: { seconds: 3, bits_per_second: 123_456_789 },
    },
  };
  expect(receivedMegabits(JSON.stringify(report))).toBeCloseTo(123.456789);
});

it('refuses a report without a result', () => {
  const report = JSON.stringify({ start: {}, end: {}, error: 'unable to connect to server' });
  expect(() => receivedMegabits(report)).toThrow('unable to connect to server');
});
