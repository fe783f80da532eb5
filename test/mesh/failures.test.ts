import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { MANAGER, Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { expectWhole, sharedMesh } from './testing.ts';

const [from, to] = ['source', 'sink'];
const ends = [from, to];

describe('a transfer with a second way', () => {
  const meshOf = sharedMesh(() => Mesh.start(twoWays(1)));

  it.for([
    ['on', (relay: string) => [relay, 'sink']],
    ['back', (relay: string) => [relay, 'source']],
  ] as const)('goes on when what a relay sends %s gets lost without a sign', async ([, wayOf], context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    const relay = await transfer.way();
    const [one = '', other = ''] = wayOf(relay);
    await mesh.lab.blackHole(one, other);
    await transfer.advances();
    await expectOtherWay(transfer, relay);
    await mesh.lab.unblock(one, other);
    await mesh.whole();
    await expectWhole(transfer);
  });

  it('goes on while a relay stands still for 8 s, and after that', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    const relay = await transfer.way();
    const { program } = mesh.node(relay);
    program.signal('SIGSTOP');
    // Not to be in time: that long is what is tested.
    const stopped = delay(8_000);
    await expectOtherWay(transfer, relay);
    await stopped;
    program.signal('SIGCONT');
    await mesh.whole();
    await mesh.routes(2);
    await transfer.advances();
    await expectWhole(transfer);
  });

  it('goes on when a relay is killed, and has two ways again when that is back', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    const relay = await transfer.way();
    await mesh.node(relay).program.end();
    await transfer.advances();
    await expectOtherWay(transfer, relay);
    await mesh.startNode(relay);
    await mesh.whole();
    await mesh.routes(2);
    await transfer.advances();
    await expectWhole(transfer);
  });

  it('goes on without a manager; a new one learns of it, and makes new circuits', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    await mesh.manager.end();
    await transfer.advances();
    await mesh.startManager();
    await mesh.whole();
    const other = await Transfer.start(mesh, { from: 'left1', to: 'sink' });
    await other.advances();
    await expectWhole(other);
    await mesh.routes(2);
    // The new manager looks after a circuit that it did not make.
    const relay = await transfer.way();
    await mesh.lab.cut(relay, 'sink');
    await transfer.advances();
    await expectOtherWay(transfer, relay);
    await mesh.lab.mend(relay, 'sink');
    await mesh.whole();
    await expectWhole(transfer);
  });

  it('waits while its ends are parted, and goes on when they are joined again', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    const cables = ['left1', 'right1', MANAGER];
    const { program } = mesh.node('sink');
    const before = program.printed;
    for (const other of cables) await mesh.lab.cut(other, 'sink');
    for (const relay of ['left1', 'right1']) await program.line(new RegExp(`^no link with ${relay}`), before);
    const stuck = transfer.bytes;
    for (const other of cables) await mesh.lab.mend(other, 'sink');
    await transfer.reaches(stuck + 8_000_000);
    await mesh.whole();
    await expectWhole(transfer);
  });

  it('has two ways again when a relay is back at another address', async (context) => {
    const mesh = meshOf(context);
    const transfer = await Transfer.start(mesh, { from, to });
    await mesh.node('left1').program.end();
    for (const neighbour of ends) await mesh.lab.move('left1', neighbour);
    await mesh.startNode('left1');
    await mesh.whole();
    await mesh.routes(2);
    await transfer.advances();
    const relay = await transfer.way();
    await mesh.lab.cut('source', relay);
    await expectOtherWay(transfer, relay);
    await mesh.lab.mend('source', relay);
    await mesh.whole();
    await expectWhole(transfer);
  });
});

/** What comes from now on does not come by this relay. */
async function expectOtherWay(transfer: Transfer, relay: string): Promise<void> {
  await transfer.advances();
  expect(await transfer.way()).not.toBe(relay);
}
