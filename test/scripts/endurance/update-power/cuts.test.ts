import { copyFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPartition } from '../../../../image/disk/partitions.ts';
import { COPY_OFFSETS, encodeCopy, newStatePartition, type SlotState } from '../../../../image/disk/state.ts';
import { run } from '../../../../image/run.ts';
import { DiskRecord } from '../../../../scripts/endurance/power/disk-record.ts';
import { cutUpdate, UPDATED } from '../../../../scripts/endurance/update-power/cuts.ts';
import { temporaryFolder } from '../../../services/viscript/support.ts';

const MiB = 2 ** 20;
const NAMES = ['state', 'bootA', 'bootB', 'rootA', 'rootB'];

/** Disks with slots of a mebibyte: one before an update of slot B, and one as it shall be. */
async function disks() {
  const folder = await temporaryFolder();
  const [before, after] = [join(folder.path, 'before'), join(folder.path, 'after')];
  await writeFile(before, Buffer.alloc((NAMES.length + 3) * MiB));
  const table = NAMES.map((name) => `size=1MiB, name=${name}\n`).join('');
  await run('sfdisk', ['--quiet', before], { input: `label: gpt\n${table}` });
  await put(before, 'state', newStatePartition(MiB));
  for (const name of ['bootA', 'bootB', 'rootA', 'rootB'])
    await put(before, name, Buffer.alloc(MiB, `old ${name}`));
  await copyFile(before, after);
  for (const name of ['bootB', 'rootB']) await put(after, name, Buffer.alloc(MiB, `new ${name}`));
  return { before, after, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

async function put(disk: string, name: string, content: Buffer): Promise<void> {
  const { offset } = await findPartition(disk, name);
  await using file = await open(disk, 'r+');
  await file.write(content, 0, content.length, offset);
}

type Step = SlotState | 'bootA' | 'bootB' | 'rootB' | 'flush' | 'over';

/** Cuts the power of an update that takes these steps. */
async function cutThrough(steps: readonly Step[]) {
  await using made = await disks();
  using record = new DiskRecord(made.before);
  for (const step of steps) {
    if (step === 'flush') record.flush(record.events.length);
    else if (step === 'over') record.mark({ writer: UPDATED, version: 1 });
    else if (typeof step === 'string') {
      const { offset } = await findPartition(made.before, step);
      const content = Buffer.alloc(MiB, `new ${step}`);
      for (let at = 0; at < MiB; at += MiB / 8) record.write(offset + at, content.subarray(at, at + MiB / 8));
    } else {
      const { offset } = await findPartition(made.before, 'state');
      record.write(offset + (COPY_OFFSETS[step.sequence % 2 === 0 ? 1 : 0] ?? 0), encodeCopy(step));
    }
  }
  const { after } = made;
  return await cutUpdate({ record, after, cuts: 300, seed: 7 });
}

/** The copy in force before has sequence 1, and is the first one. */
const closed: SlotState = { sequence: 2, first: 'A', left: { A: 3, B: 0 } };
const opened: SlotState = { sequence: 3, first: 'B', left: { A: 3, B: 3 } };

describe('power cuts during an update', () => {
  it('leave one of two whole versions when it is done in the right order', async () => {
    const found = await cutThrough([closed, 'flush', 'bootB', 'rootB', 'flush', opened, 'flush', 'over']);
    expect(found.lost).toEqual([]);
    expect(found.holds.torn).toBeGreaterThan(30);
    expect(found.starts.B).toBeGreaterThan(0);
  });

  it.each<[string, Step[], RegExp]>([
    [
      'does not close the slot first',
      ['bootB', 'rootB', 'flush', opened, 'flush'],
      /has 3 attempts and is torn/,
    ],
    ['does not flush the slot before', [closed, 'flush', 'bootB', 'rootB', opened, 'flush'], /is torn/],
    [
      'forgets to flush the last step',
      [closed, 'flush', 'bootB', 'rootB', 'flush', opened, 'over'],
      /slot A starts/,
    ],
    ['writes into the slot that runs', [closed, 'flush', 'bootA', 'flush'], /bootA is written/],
  ])('show an update that %s', async (_what, steps, why) => {
    expect((await cutThrough(steps)).lost.join('\n')).toMatch(why);
  });
});
