import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { MANAGER, type Mesh } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { line, type Plan, twoWays } from '../../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../../scripts/lib/lab-mesh/transfer.ts';
import { MeshApp } from '../../../services/mesh/app.ts';
import type { MeshStream } from '../../../services/mesh/types.ts';
import { expectWhole, ownMesh } from '../testing.ts';

const plan = twoWays(1);

function without({ cables }: Plan, node: string): Plan['cables'] {
  return cables.filter((ends) => !ends.includes(node));
}

/** Takes boards off the list of members. */
async function remove(mesh: Mesh, ...names: string[]): Promise<void> {
  await mesh.rack.publish(mesh.rack.boards.filter((name) => !names.includes(name)));
}

it('takes links and circuits from a board that is removed, and gives them back to no old list', async (context) => {
  await using mesh = await ownMesh(context, plan);
  const old = mesh.rack.newest;
  const transfer = await Transfer.start(mesh, { from: 'source', to: 'sink' });
  const relay = await transfer.way();
  await remove(mesh, relay);
  await mesh.whole(without(plan, relay));
  await transfer.advances();

  // Whoever has the list of before may put it back everywhere.
  await mesh.manager.end('SIGTERM');
  await writeFile(mesh.rack.membersFile, old);
  await mesh.startManager();
  await mesh.manager.line(/the list of before stays/);
  await expectWhole(transfer);
  const { program } = mesh.node('sink');
  await program.end('SIGTERM');
  const sink = await mesh.startNode('sink', { members: old });
  await sink.program.line(new RegExp(`a link was refused.*${mesh.node(relay).key}|no link with ${relay}`));
  await mesh.whole(without(plan, relay));

  const last = await Transfer.start(mesh, { from: 'source', to: 'sink' });
  await remove(mesh, relay, 'source');
  await last.sink.line(/^broken /);
  await mesh.manager.line(/^disconnected \w+: this node is not a member any more$/);
});

it('opens no circuit to a node that does not admit the opener', async (context) => {
  // The owners of the manager and of b let a guest in, the owner of c does not.
  const guest = 'a';
  await using mesh = await ownMesh(context, line(3), async (name, { rack }) => {
    if (name === MANAGER) await rack.publish(rack.boards.filter((board) => board !== guest));
    const admits = name === MANAGER || name === 'b';
    return { args: admits ? ['--peer', rack.board(guest).identity.publicKey] : [] };
  });
  const apps: MeshApp[] = [];
  const start = async (at: string) => {
    const onStream = (stream: MeshStream) => void stream.end();
    const options = {
      node: mesh.node(at).socket,
      name: `app-${at}`,
      type: 'test',
      access: 'mesh',
      onStream,
    } as const;
    apps.push(await MeshApp.start(options));
  };
  try {
    for (const at of ['b', 'c', guest]) await start(at);
    const app = apps[2];
    await app?.connect({ node: mesh.node('b').key, app: 'app-b' });
    const refused = app?.connect({ node: mesh.node('c').key, app: 'app-c' });
    await expect(refused).rejects.toMatchObject({ code: 'no-route' });
  } finally {
    await Promise.all(apps.map((app) => app.close()));
  }
});
