import { z } from 'zod';
import type { Host } from '../../lib/lab.ts';
import { MeasureError } from '../process.ts';

const reportShape = z.object({ end: z.object({ sum_received: z.object({ bits_per_second: z.number() }) }) });

/**
 * One connection of TCP to `iperf3 -s` at an address, with the congestion control that most systems have (CUBIC, RFC 9438),
 * whatever this machine's is: on a cable that loses packets it decides how fast a connection is.
 *
 * @returns Mbit/s that arrived
 */
export async function iperf(from: Host, address: string, seconds: number, reverse: boolean): Promise<number> {
  const direction = reverse ? ['--reverse'] : [];
  const args = [
    '--client',
    address,
    '--time',
    String(seconds),
    '--congestion',
    'cubic',
    '--json',
    ...direction,
  ];
  return receivedMegabits(await from.run('iperf3', ...args));
}

/** @param json what `iperf3 --json` prints @throws {MeasureError} when it tells of no result */
export function receivedMegabits(json: string): number {
  const report = reportShape.safeParse(JSON.parse(json));
  if (!report.success) throw new MeasureError(`iperf3 has no result: ${json}`);
  return report.data.end.sum_received.bits_per_second / 1e6;
}
