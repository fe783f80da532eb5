import { describe, expect, it } from 'vitest';
import { MANAGER, Mesh, managerPort } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { twoWays } from '../../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../../scripts/lib/lab-mesh/transfer.ts';
import { NodeClient } from '../../services/manager/node-client.ts';
import { Door } from '../door.ts';
import { expectWhole, sharedMesh } from '../testing.ts';

const plan = twoWays(1);
const ends = { from: 'source', to: 'sink' };
/** Boards of the rack that have been taken over. */
const insiders = ['insider', 'accomplice'] as const;

const meshOf = sharedMesh(async () => {
  const mesh = await Mesh.lay(plan);
  for (const insider of insiders) await mesh.rack.add(insider);
  await mesh.rack.publish();
  await mesh.startAll((name) => ({ anyManager: name === 'right1' }));
  await mesh.whole();
  return mesh;
});

it('follows no manager of another key, nor a board that is none', async (context) => {
  const mesh = meshOf(context);
  const transfer = await Transfer.start(mesh, ends);
  await mesh.manager.end();
  const before = plan.nodes.map((name) => mesh.node(name).program.printed);
  const wrong = await mesh.startManager({}, 'insider');
  const { publicKey } = mesh.rack.board('insider').identity;
  for (const [at, name] of plan.nodes.entries())
    await mesh.node(name).program.line(new RegExp(`^no manager: .*${publicKey}`), before[at]);
  await transfer.advances();
  expect(wrong.log).not.toContain('connected');
  await wrong.end();
  await mesh.startManager();
  await mesh.whole();
  await expectWhole(transfer);
});

describe('a node that lies about its links', () => {
  async function register(mesh: Mesh, name: string): Promise<NodeClient> {
    const door = await Door.open(mesh, 'source', `${mesh.address(MANAGER, 'source')}:${managerPort}`);
    const { identity } = mesh.rack.board(name);
    const manager = mesh.rack.board(MANAGER).identity.publicKey;
    const client = await NodeClient.connect({ identity, manager, address: '', transport: door.transport });
    await client.hello();
    return client;
  }

  it('gets no circuit, also when another one vouches for it', async (context) => {
    const mesh = meshOf(context);
    const [liar, accomplice] = [await register(mesh, 'insider'), await register(mesh, 'accomplice')];
    try {
      const perfect = { rtt: 0, loss: 0, load: 0 };
      for (const name of ['source', 'sink']) liar.setLink(mesh.node(name), perfect);
      for (const name of ['source', 'sink']) accomplice.setLink(mesh.node(name), perfect);
      liar.setLink(accomplice, perfect);
      accomplice.setLink(liar, perfect);
      await Promise.all([liar.report(), accomplice.report()]);
      await mesh.whole([...plan.cables, insiders]);
      const transfer = await Transfer.start(mesh, ends);
      await transfer.advances();
      const routes = (await mesh.show('routes')).flatMap(({ names }) => names);
      for (const insider of insiders) expect(routes).not.toContain(insider);
      expect([...liar.rules.values(), ...accomplice.rules.values()]).toEqual([]);
      await expectWhole(transfer);
    } finally {
      liar.close();
      accomplice.close();
    }
  });

  it.for([{ rtt: -1 }, { loss: 2 }, { load: -0.5 }, { sent: -1 }])(
    'is told that no link can have %j',
    async (figures, context) => {
      const mesh = meshOf(context);
      const liar = await register(mesh, 'insider');
      try {
        liar.setLink(mesh.node('source'), figures);
        await expect(liar.report()).rejects.toMatchObject({ code: -32_602 });
      } finally {
        liar.close();
      }
    },
  );
});
