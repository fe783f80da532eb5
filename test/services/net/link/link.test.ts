import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { FrameType } from '../../../../services/net/link/link.ts';
import { frames, linkPair } from './support.ts';

it('carries frames of all sizes in order, in both directions', async () => {
  const ends = await linkPair();
  const sizes = [0, 1, 100, 1400, 5000, 65_536, 66_600, 3, 66_600, 66_600];
  const payloads = sizes.map((size) => randomBytes(size));
  for (const [from, to] of [ends, [ends[1], ends[0]] as const]) {
    const arrived = frames(to, payloads.length);
    payloads.forEach((payload, label) => {
      from.send(FrameType.data, label, [payload.subarray(0, 50), payload.subarray(50)]);
    });
    const got = await arrived;
    expect(got.map(({ label }) => label)).toEqual([...payloads.keys()]);
    for (const { label, payload } of got) expect(payload.equals(payloads[label] ?? Buffer.of())).toBe(true);
  }
  ends[0].close('enough');
  expect(await ends[0].closed).toBe('enough');
  expect(await ends[1].closed).toBe(`${ends[1].remote} closed the link`);
});
