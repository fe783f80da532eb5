import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'vitest';
import { CommandError, run } from '../../image/run.ts';
import { MANAGER, type Mesh, type NodeStart } from '../../scripts/lib/lab-mesh/mesh.ts';
import { twoWays } from '../../scripts/lib/lab-mesh/plans.ts';
import { Transfer } from '../../scripts/lib/lab-mesh/transfer.ts';
import { expectWhole, ownMesh } from './testing.ts';

const plan = twoWays(1);
const all = [MANAGER, ...plan.nodes];
const ends = { from: 'source', to: 'sink' };

/** A mesh of which the test sets the clocks. The monotonic clock goes on as it does when a real one is set. */
async function meshWithClocks(context: TestContext): Promise<Mesh> {
  const library = await libfaketime();
  context.skip(library === undefined, 'faketime is not installed');
  return ownMesh(context, plan, (name, mesh): NodeStart => {
    const file = fileOf(mesh, name);
    writeFileSync(file, '+0');
    const control = {
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    return { environment: { LD_PRELOAD: library, ...control } };
  });
}

/** @param offset for example `+3h` */
function setClock(mesh: Mesh, name: string, offset: string): void {
  writeFileSync(fileOf(mesh, name), offset);
}

function fileOf(mesh: Mesh, name: string): string {
  return join(mesh.folder, `${name}.clock`);
}

/** Path of the library; undefined when the package is not installed. */
async function libfaketime(): Promise<string | undefined> {
  try {
    return (await run('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'])).stdout.trim();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return undefined;
  }
}

it('does not let a transfer notice that clocks jump by hours, each another way', async (context) => {
  await using mesh = await meshWithClocks(context);
  const transfer = await Transfer.start(mesh, ends);
  for (const [at, name] of all.entries()) setClock(mesh, name, ['+3h', '-5h', '+40m'][at % 3] ?? '');
  await transfer.advances();
  const relay = await transfer.way();
  await mesh.lab.blackHole(relay, 'sink');
  await transfer.advances();
  for (const name of all) setClock(mesh, name, '+0');
  await transfer.advances();
  await mesh.lab.unblock(relay, 'sink');
  await mesh.whole();
  await expectWhole(transfer);
});

it('makes links and circuits after the clocks of all have been set to the right time', async (context) => {
  await using mesh = await meshWithClocks(context);
  const before = await Transfer.start(mesh, ends);
  // As on boards without a battery, once they have heard the time.
  for (const name of all) setClock(mesh, name, '+10000d');
  await mesh.lab.cut('source', 'left1');
  await mesh.whole(plan.cables.filter((ends) => !ends.includes('left1') || ends.includes('sink')));
  await mesh.lab.mend('source', 'left1');
  await mesh.whole();
  const after = await Transfer.start(mesh, { from: 'left1', to: 'right1' });
  await expectWhole(after);
  await expectWhole(before);
});
