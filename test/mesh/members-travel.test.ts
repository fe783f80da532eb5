import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MANAGER, type Mesh, managerPort, nodePort } from '../../scripts/lib/lab-mesh/mesh.ts';
import { full, type Plan, twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { offerMembers, showMembers } from '../../services/mesh/members.ts';
import { connectSession } from '../../services/net/session/stream.ts';
import { NodeClient } from '../services/manager/node-client.ts';
import { Door, ended } from './door.ts';
import { expectWhole, ownMesh } from './testing.ts';

function without({ cables }: Plan, node: string): Plan['cables'] {
  return cables.filter((ends) => !ends.includes(node));
}

/** The number of the list that each of these nodes has. */
function numbers(mesh: Mesh, names: readonly string[]): Promise<number[]> {
  return Promise.all(names.map(async (name) => (await showMembers(mesh.node(name).socket)).number));
}

/** A board that has lost its place gets neither a word of the manager nor a link, whatever list it brings. */
async function expectRefused(mesh: Mesh, board: string, brings: string): Promise<void> {
  const { identity } = mesh.rack.board(board);
  const manager = mesh.rack.board(MANAGER).identity.publicKey;
  const control = await Door.open(mesh, 'a', `${mesh.address(MANAGER, 'a')}:${managerPort}`);
  const client = await NodeClient.connect({
    identity,
    manager,
    brings,
    address: '',
    transport: control.transport,
  });
  await expect(client.hello()).rejects.toThrow();
  const links = await Door.open(mesh, 'a', `${mesh.address('b', 'a')}:${nodePort}`);
  const from = mesh.node('b').program.printed;
  const stream = await links.dial();
  await connectSession(stream, { identity, purpose: 'link', accept: () => true });
  await ended(stream);
  await mesh.node('b').program.line(new RegExp(`a link was refused.*${identity.publicKey}`), from);
}

it('takes a replaced board in by its card alone, and its old key nowhere any more', async (context) => {
  const plan = full(3);
  await using mesh = await ownMesh(context, plan);
  const old = mesh.rack.newest;
  const running = await Transfer.start(mesh, { from: 'a', to: 'b' });
  await mesh.node('c').program.end();
  await mesh.whole(without(plan, 'c'));

  await mesh.rack.replace('c');
  const card = mesh.rack.sign(mesh.rack.boards);
  await mesh.startNode('c', {
    members: card,
    environment: { STATE_DIRECTORY: join(mesh.folder, 'another card') },
  });
  await mesh.whole();
  expect(await numbers(mesh, plan.nodes)).toEqual([2, 2, 2]);
  await expectWhole(await Transfer.start(mesh, { from: 'c', to: 'a' }));
  await expectRefused(mesh, 'old c', old);
  await expectWhole(running);
});

it('drops a board when a list without it is brought to any node, and goes back to no old one', async (context) => {
  const plan = twoWays(1);
  await using mesh = await ownMesh(context, plan);
  const old = mesh.rack.newest;
  const ending = await Transfer.start(mesh, { from: 'source', to: 'left1' });
  const staying = await Transfer.start(mesh, { from: 'source', to: 'sink' });
  const list = mesh.rack.sign(mesh.rack.boards.filter((board) => board !== 'left1'));
  expect(await offerMembers(mesh.node('sink').socket, list)).toBe(true);
  expect(await offerMembers(mesh.node('sink').socket, list)).toBe(false);
  await expect(offerMembers(mesh.node('sink').socket, `${list} `)).rejects.toThrow(/does not end with/);
  await ending.source.line(/^broken /);
  await mesh.whole(without(plan, 'left1'));
  const others = ['source', 'sink', 'right1'];
  expect(await numbers(mesh, others)).toEqual([2, 2, 2]);

  // Manager and node are started anew, both with the list of before in their files.
  await mesh.manager.end();
  await mesh.startManager();
  await mesh.manager.line(/the list of before stays/);
  await mesh.node('right1').program.end();
  await mesh.startNode('right1', { members: old });
  await mesh.whole(without(plan, 'left1'));
  expect(await numbers(mesh, others)).toEqual([2, 2, 2]);
  const { program, key } = mesh.node('left1');
  await program.line(/^no manager: /);
  await mesh.manager.line(new RegExp(`^refused: ${key} is not admitted here`));
  await expectWhole(staying);
});

it('follows a manager that was replaced, and the one of before no more', async (context) => {
  const plan = full(2);
  await using mesh = await ownMesh(context, plan, () => ({ anyManager: true }));
  const old = mesh.rack.newest;
  const transfer = await Transfer.start(mesh, { from: 'a', to: 'b' });
  await mesh.manager.end();
  const { identity } = await mesh.rack.replace(MANAGER);
  const before = plan.nodes.map((name) => mesh.node(name).program.printed);
  await mesh.rack.publish();
  await mesh.startManager({ environment: { STATE_DIRECTORY: join(mesh.folder, 'another card') } });
  const registered = new RegExp(`^registered with manager ${identity.publicKey.slice(0, 8)}`);
  for (const [at, name] of plan.nodes.entries()) await mesh.node(name).program.line(registered, before[at]);
  await mesh.whole();
  expect(await numbers(mesh, plan.nodes)).toEqual([2, 2]);

  // Whoever has the old board may start it again.
  await mesh.manager.end();
  const from = plan.nodes.map((name) => mesh.node(name).program.printed);
  const oldList = join(mesh.folder, 'old members');
  await writeFile(oldList, old);
  const formerly = `old ${MANAGER}`;
  const wrong = await mesh.startManager({ args: ['--members', oldList] }, formerly);
  const former = mesh.rack.board(formerly).identity.publicKey;
  for (const [at, name] of plan.nodes.entries())
    await mesh.node(name).program.line(new RegExp(`^no manager: .*${former} is not admitted`), from[at]);
  expect(wrong.log).not.toContain('connected');
  await wrong.end();
  await mesh.startManager({ environment: { STATE_DIRECTORY: join(mesh.folder, 'another card') } });
  await mesh.whole();
  await expectWhole(transfer);
});
