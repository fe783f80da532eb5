import { expect, it } from 'vitest';
import { MANAGER, Mesh, managerPort, nodePort } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../../scripts/lib/lab-mesh/plans.ts';
import { Identity } from '../../../services/net/keys.ts';
import { connectSession } from '../../../services/net/session/stream.ts';
import { NodeClient } from '../../services/manager/node-client.ts';
import { Door, ended } from '../door.ts';
import { sharedMesh } from '../testing.ts';

const meshOf = sharedMesh(() => Mesh.start(line(2)));
const stranger = Identity.generate();

function linkDoor(mesh: Mesh): Promise<Door> {
  return Door.open(mesh, 'a', `${mesh.address('b', 'a')}:${nodePort}`);
}

function managerDoor(mesh: Mesh): Promise<Door> {
  return Door.open(mesh, 'a', `${mesh.address(MANAGER, 'a')}:${managerPort}`);
}

it('gives an unknown key no link', async (context) => {
  const mesh = meshOf(context);
  const { program, key } = mesh.node('b');
  const before = program.printed;
  const stream = await (await linkDoor(mesh)).dial();
  // The initiator speaks last and so does not hear of its refusal; the stream ends instead.
  await connectSession(stream, { identity: stranger, purpose: 'link', accept: (remote) => remote === key });
  await ended(stream);
  await program.line(new RegExp(`a link was refused.*${stranger.publicKey}`), before);
  await mesh.whole();
});

it('gives an unknown key nothing at the manager', async (context) => {
  const mesh = meshOf(context);
  const before = mesh.manager.printed;
  const { transport } = await managerDoor(mesh);
  const manager = mesh.rack.board(MANAGER).identity.publicKey;
  const client = await NodeClient.connect({ identity: stranger, manager, address: '', transport });
  await expect(client.hello()).rejects.toThrow();
  await mesh.manager.line(new RegExp(`refused.*${stranger.publicKey}`), before);
});
