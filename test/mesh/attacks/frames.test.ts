import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { Mesh, nodePort } from '../../../scripts/lib/lab-mesh/mesh.ts';
import { line } from '../../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../../scripts/lib/lab-mesh/transfer.ts';
import { MeshApp } from '../../../services/mesh/app.ts';
import { FrameType, MAX_FRAME_BYTES } from '../../../services/net/link/frames.ts';
import { connectSession } from '../../../services/net/session/stream.ts';
import { RawEnd } from '../../services/net/link/support.ts';
import { Door, dialUnix, ended } from '../door.ts';
import { expectWhole, sharedMesh } from '../testing.ts';

/** A board of the rack that has been taken over; it runs no node. */
const INSIDER = 'insider';

const meshOf = sharedMesh(async () => {
  const mesh = await Mesh.lay(line(2));
  await mesh.rack.add(INSIDER);
  await mesh.rack.publish();
  await mesh.startAll();
  await mesh.whole();
  return mesh;
});

function door(mesh: Mesh): Promise<Door> {
  return Door.open(mesh, 'a', `${mesh.address('b', 'a')}:${nodePort}`);
}

/** A link of the insider's with b, of which the test writes each byte. */
async function insiderLink(mesh: Mesh): Promise<RawEnd> {
  const { identity } = mesh.rack.board(INSIDER);
  const { key, program } = mesh.node('b');
  const from = program.printed;
  const socket = await (await door(mesh)).dial();
  const session = await connectSession(socket, {
    identity,
    purpose: 'link',
    accept: (remote) => remote === key,
  });
  const end = new RawEnd(socket, session).read();
  await program.line(new RegExp(`^link with ${INSIDER}`), from);
  return end;
}

/** Bytes that no neighbour sends, by what is wrong with them, and what the log says of each. */
const wrong: Record<string, { bytes: (end: RawEnd) => Buffer; end?: boolean; says: RegExp }> = {
  'a record larger than there may be': {
    bytes: () => Buffer.concat([Buffer.of(1, 0xff, 0xff, 0xff), randomBytes(1_000)]),
    says: /sent a record with 16777215 bytes/,
  },
  'a record without frames': { bytes: () => Buffer.alloc(100), says: /sent a record without frames/ },
  'a record that is cut off': {
    bytes: (end) => end.record(FrameType.data, 7, randomBytes(1_000)).subarray(0, 500),
    end: true,
    says: /closed the link/,
  },
  'a frame larger than there may be': {
    bytes: (end) => end.record(FrameType.data, 7, randomBytes(MAX_FRAME_BYTES + 1)),
    says: new RegExp(`sent a frame of type 1 with ${MAX_FRAME_BYTES + 1} bytes`),
  },
  'a frame of no type there is': {
    bytes: (end) => end.record(99, 7, Buffer.alloc(10)),
    says: /sent a frame of type 99/,
  },
  'headers that do not fit the payload': {
    bytes: (end) => end.seal(Buffer.of(1, 0, 0, 200, 0, 0, 0, 7), Buffer.alloc(100)),
    says: /sent frames of 200 bytes in a record with 100/,
  },
  noise: {
    bytes: () => Buffer.concat([Buffer.of(1, 0, 0, 100), randomBytes(1_000)]),
    says: /changed on its way/,
  },
};

it.for(Object.entries(wrong))(
  'ends the link on which %s comes, and no other',
  async ([, { bytes, end, says }], context) => {
    const mesh = meshOf(context);
    const { program } = mesh.node('b');
    const link = await insiderLink(mesh);
    const from = program.printed;
    link.socket.write(bytes(link));
    if (end) link.socket.end();
    await program.line(new RegExp(`^no link with ${INSIDER} any more: .*${says.source}`), from);
    await ended(link.socket);
    await mesh.whole();
  },
);

it('refuses handshakes that are none', async (context) => {
  const mesh = meshOf(context);
  const to = await door(mesh);
  const hello = Buffer.concat([Buffer.of(0, 42), Buffer.from('skywire1'), Buffer.of(1, 3), randomBytes(32)]);
  const attempts = [
    Buffer.from('GET / HTTP/1.1\r\nHost: b\r\n\r\n'),
    Buffer.of(0xff, 0xff),
    Buffer.of(0, 0),
    randomBytes(65_536),
    // A good message 1 that asks for something else, and one that goes on with noise.
    Buffer.concat([Buffer.of(0, 42), Buffer.from('skywire1'), Buffer.of(2, 3), randomBytes(32)]),
    Buffer.concat([hello, Buffer.of(0, 200), randomBytes(200)]),
    Buffer.concat([Buffer.of(0, 42), Buffer.from('skywire1'), Buffer.of(1, 3), Buffer.alloc(32)]),
  ];
  const sockets = await Promise.all(attempts.map(() => to.dial()));
  for (const [at, bytes] of attempts.entries()) sockets[at]?.write(bytes);
  await Promise.all(sockets.map(ended));
  await mesh.whole();
});

it('answers nonsense of an app, and goes on with all others', async (context) => {
  const mesh = meshOf(context);
  const transfer = await Transfer.start(mesh, { from: 'a', to: 'b' });
  const { socket } = mesh.node('a');
  const nonsense = [
    randomBytes(100_000),
    Buffer.from('{"skywire": 1, "want": "everything"}\n'),
    Buffer.from('{"skywire": 2, "want": "app"}\n'),
    Buffer.from(
      `{"skywire": 1, "want": "app", "name": "${'x'.repeat(3_000)}", "type": "test", "access": "rack"}\n`,
    ),
    Buffer.from('{"skywire": 1, "want": "stream", "token": "none", "id": 1, "to": {"app": "x"}}\n'),
    Buffer.from('{"skywire": 1, "want": "accept", "token": "none", "id": 2}\n'),
    Buffer.from('[[[[[[[[\n'),
    Buffer.from('\n\n\n'),
  ];
  for (const bytes of nonsense) {
    const stream = await dialUnix(socket);
    const answer = text(stream);
    stream.write(bytes);
    expect(JSON.parse(await answer)).toMatchObject({ error: expect.any(String) });
  }
  // After a registration it is JSON-RPC that is spoken.
  const registered = await dialUnix(socket);
  registered.write('{"skywire": 1, "want": "app", "name": "nonsense", "type": "test", "access": "rack"}\n');
  registered.write(Buffer.concat([randomBytes(2_000_000), Buffer.from('\n')]));
  await ended(registered);
  const app = await MeshApp.start({ node: socket, name: 'nonsense', type: 'test' });
  await app.close();
  await expectWhole(transfer);
});
