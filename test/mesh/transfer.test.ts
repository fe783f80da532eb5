import { expect, it } from 'vitest';
import { twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { expectWhole, ownMesh } from './testing.ts';

const gigabyte = 1_000_000_000;
const megabyte = 1_000_000;

/** SKYMINER_TIMELINE names a file for throughput over time: a line each 100 ms, milliseconds and bytes. */
it('carries 1 GB over three relays while its path is cut, mended and cut again', async (context) => {
  await using mesh = await ownMesh(context, twoWays(3));
  const transfer = await Transfer.start(mesh, {
    ...{ from: 'source', to: 'sink', bytes: gigabyte },
    timeline: process.env.SKYMINER_TIMELINE,
  });
  await transfer.advances(150 * megabyte);
  const first = sideOf(await transfer.way());
  await mesh.lab.cut(`${first}1`, `${first}2`);
  await transfer.advances(150 * megabyte);
  const second = sideOf(await transfer.way());
  expect(second).not.toBe(first);

  await mesh.lab.mend(`${first}1`, `${first}2`);
  await mesh.whole();
  await mesh.routes(2);
  await mesh.lab.cut(`${second}2`, `${second}3`);
  await transfer.advances(150 * megabyte);
  expect(sideOf(await transfer.way())).toBe(first);
  await transfer.reaches(gigabyte);
  await expectWhole(transfer);
});

/** `left` or `right`, of one of its relays. */
function sideOf(relay: string): string {
  return relay.replace(/\d$/, '');
}
