import { once } from 'node:events';
import { expect, it } from 'vitest';
import { PathStream } from '../../../../scripts/measure/relay/path-stream.ts';
import { Rig } from '../../../services/node/rig.ts';

const BYTES = 5_000_000;

it('carries more than there is credit for through a relay, in order, and ends with its path', async () => {
  await using rig = new Rig();
  await rig.join('near', 'relay');
  await rig.join('relay', 'far');
  const [rule, otherRule] = rig.route('0'.repeat(32), 0, ['near', 'relay', 'far']);
  const [near, far] = [rig.board('near').switch, rig.board('far').switch];
  const [source, sink] = [new PathStream(near, rule), new PathStream(far, otherRule)];
  const block = Buffer.alloc(50_000);
  let [sent, came] = [0, 0];
  const done = Promise.withResolvers<void>();
  sink.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += 50_000)
      expect(chunk.readUInt32BE(at)).toBe((came + at) / 50_000);
    came += chunk.length;
    if (came === BYTES) done.resolve();
  });
  for (; sent < BYTES; sent += block.length) {
    const next = Buffer.from(block);
    next.writeUInt32BE(sent / 50_000);
    if (!source.write(next)) await once(source, 'drain');
  }
  await done.promise;
  rig.cable('relay', 'far').links[0].close('cut');
  await once(source, 'close');
});
