import { describe, expect, it } from 'vitest';
import { line, twoWays } from '../../../scripts/lib/lab-mesh/plans.ts';
import type { Program } from '../../../scripts/lib/lab-mesh/program.ts';
import { Transfer } from '../../../scripts/lib/lab-mesh/transfer.ts';
import { eventually } from '../../../scripts/lib/lab-mesh/wait.ts';
import { MeshApp } from '../../../services/mesh/app.ts';
import { hostBefore } from '../between.ts';
import { startTapped } from '../tap.ts';
import { expectWhole, sharedMesh } from '../testing.ts';

async function command(tap: Program, line: string, answer: RegExp): Promise<RegExpExecArray> {
  const from = tap.printed;
  tap.tell(line);
  return await tap.line(answer, from);
}

describe('a relay behind somebody who changes bits', () => {
  const meshOf = sharedMesh(() =>
    startTapped(twoWays(1), [
      ['source', 'left1'],
      ['source', 'right1'],
    ]),
  );

  it.for(['head', 'headers', 'payload'])(
    'finds one in the %s of a record, names the neighbour, and the transfer goes on',
    async (part, context) => {
      const mesh = meshOf(context);
      const transfer = await Transfer.start(mesh, { from: 'source', to: 'sink' });
      const tap = mesh.program(await transfer.way());
      const relay = mesh.node(tap.name.replace(hostBefore(''), '')).program;
      const before = relay.printed;
      await command(tap, `flip ${part}`, /^flipped/);
      const named = `no link with source any more: ${mesh.node('source').key} sent a record`;
      await relay.line(new RegExp(named), before);
      await transfer.advances();
      await mesh.whole();
      await expectWhole(transfer);
    },
  );
});

describe('somebody who has heard everything', () => {
  const meshOf = sharedMesh(() => startTapped(line(2), [['a', 'b']]));

  it('gets no link with a handshake that comes a second time', async (context) => {
    const mesh = meshOf(context);
    await command(mesh.program(hostBefore('b')), 'replay handshake', /^handshake ended after [1-9]/);
    const refused = /a link was refused/;
    await Promise.any(['a', 'b'].map((name) => mesh.node(name).program.line(refused)));
    await mesh.whole();
  });

  it('gives each datagram once to its app, also when it comes again', async (context) => {
    const mesh = meshOf(context);
    const got: string[] = [];
    const far = await MeshApp.start({
      ...{ node: mesh.node('b').socket, name: 'far', type: 'test' },
      onChannel: (channel) => channel.on('message', (payload) => got.push(payload.toString().trimEnd())),
    });
    const near = await MeshApp.start({ node: mesh.node('a').socket, name: 'near', type: 'test' });
    try {
      const channel = await near.connectChannel({ node: mesh.node('b').key, app: 'far' });
      // So large that no two of them go together.
      const send = (text: string) => channel.send([Buffer.from(text.padEnd(800))]);
      let sent = 0;
      let replayed = 0;
      // A link that is new carries datagrams in its stream, until it knows that they get through by themselves.
      for (let round = 0; round < 20 && replayed <= 150; round++) {
        const most = got.length + 150;
        for (const end = sent + 200; sent < end; sent++) send(`before ${sent}`);
        await eventually('most of 200 datagrams', () => (got.length > most ? true : undefined));
        const [, count] = await command(
          mesh.program(hostBefore('b')),
          'replay datagrams',
          /^replayed (\d+)$/,
        );
        replayed = Number(count);
      }
      expect(replayed).toBeGreaterThan(150);
      // What comes after them has come after them.
      await eventually('a datagram', () => {
        send('after');
        return got.includes('after') ? true : undefined;
      });
      const before = got.filter((text) => text !== 'after');
      expect(new Set(before).size).toBe(before.length);
    } finally {
      await Promise.all([near.close(), far.close()]);
    }
  });
});
