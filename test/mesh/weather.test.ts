import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Mesh } from '../../scripts/lib/lab-mesh/mesh.ts';
import { twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import type { Program } from '../../scripts/lib/lab-mesh/program.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { root } from '../../scripts/lib/program.ts';
import { hostBefore, startWithHostsBetween } from './between.ts';
import { expectWhole, sharedMesh } from './testing.ts';

/** Milliseconds for which the machine may stand still in a round that shows something, and how many rounds there are. */
const badStallMs = 150;
const rounds = 3;

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

/** Both ways from the source lead through it. @param programs gets those that make it */
function startIn({ delayMs, jitterMs, loss }: Weather, programs: Program[] = []): Promise<Mesh> {
  const cables = [
    ['source', 'left1'],
    ['source', 'right1'],
  ] as const;
  return startWithHostsBetween(twoWays(1), cables, async (mesh, _host, _first, second) => {
    const name = hostBefore(second);
    const file = join(root, 'test/fixtures/mesh-weather.ts');
    const program = mesh.run(name, name, [file, ...[delayMs, jitterMs, loss].map(String)]);
    programs.push(program);
    await program.line(/^ready$/);
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
  const weather: Program[] = [];
  const meshOf = sharedMesh(() => startIn({ delayMs: 0, jitterMs: 300, loss: 0 }, weather), whyNoTun);

  /** For how long the machine did not let the weather be made, since the last time it was asked for; milliseconds. */
  async function longestStall(): Promise<number> {
    const stalls = weather.map(async (program) => {
      const from = program.printed;
      program.tell('stall');
      const [, stall] = await program.line(/^stall (\S+)$/, from);
      return Number(stall);
    });
    return Math.max(...(await Promise.all(stalls)));
  }

  /** SKYMINER_JITTER_S: for how many seconds. */
  it('takes no path for a dead one, from the first byte on', async (context) => {
    const mesh = meshOf(context);
    const programs = ['source', 'sink'].map((name) => mesh.node(name).program);
    for (let round = 1; ; round++) {
      const before = programs.map(({ log }) => log.length);
      await longestStall();
      const transfer = await Transfer.start(mesh, ends);
      // That long is what is tested.
      await delay(Number(process.env.SKYMINER_JITTER_S ?? 15) * 1_000);
      await transfer.advances(1);
      const said = programs.map(({ log }, at) => log.slice(before[at]));
      const stall = await longestStall();
      await transfer.end();
      const moves = said.flatMap((log) => log.match(/^.* answers late$/gm) ?? []);
      // In a machine that stood still, paths did answer late: such a round shows nothing.
      if (moves.length > 0 && stall > badStallMs && round < rounds) continue;
      expect(moves, `longest stall ${stall} ms`).toEqual([]);
      return;
    }
  });
});
