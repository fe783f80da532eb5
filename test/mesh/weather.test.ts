import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { root } from '../../scripts/lib/program.ts';
import { hostBefore, startWithHostsBetween } from './between.ts';
import { expectWhole, sharedMesh } from './testing.ts';

const ends = { from: 'source', to: 'sink' };

async function whyNoTun(): Promise<string | undefined> {
  return existsSync('/dev/net/tun') ? undefined : 'there is no /dev/net/tun here';
}

interface Weather {
  delayMs: number;
  jitterMs: number;
  /** Part of the packets that get lost, 0 to 1. */
  loss: number;
}

/** Both ways from the source lead through it. */
function startIn({ delayMs, jitterMs, loss }: Weather): Promise<Mesh> {
  const cables = [
    ['source', 'left1'],
    ['source', 'right1'],
  ] as const;
  return startWithHostsBetween(twoWays(1), cables, async (mesh, _host, _first, second) => {
    const name = hostBefore(second);
    const program = join(root, 'test/fixtures/mesh-weather.ts');
    await mesh.run(name, name, [program, ...[delayMs, jitterMs, loss].map(String)]).line(/^ready$/);
  });
}

describe('with 20 ms and 1 % loss', () => {
  const meshOf = sharedMesh(() => startIn({ delayMs: 10, jitterMs: 0, loss: 0.01 }), whyNoTun);

  it('carries all that is sent', async (context) => {
    const transfer = await Transfer.start(meshOf(context), { ...ends, bytes: 3_000_000, finish: true });
    await expectWhole(transfer);
  });
});

describe('with 300 ms of jitter', () => {
  const meshOf = sharedMesh(() => startIn({ delayMs: 0, jitterMs: 300, loss: 0 }), whyNoTun);

  /** SKYMINER_JITTER_S: for how many seconds. */
  it('takes no path for a dead one, from the first byte on', async (context) => {
    const mesh = meshOf(context);
    const programs = ['source', 'sink'].map((name) => mesh.node(name).program);
    const before = programs.map(({ log }) => log.length);
    const transfer = await Transfer.start(mesh, ends);
    // That long is what is tested.
    await delay(Number(process.env.SKYMINER_JITTER_S ?? 15) * 1_000);
    await transfer.advances(1);
    const said = programs.map(({ log }, at) => log.slice(before[at]));
    const moves = said.flatMap((log) => log.match(/^.* answers late$/gm) ?? []);
    expect(moves).toEqual([]);
    await transfer.end();
  });
});
