import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startOtherOnce } from '../../image/disk/other-slot.ts';
import { COPY_OFFSETS, COPY_SIZE, newStatePartition, readCopies } from '../../image/disk/state.ts';
import { changeState, readNote, startedSlot, writeNote } from '../../image/disk/state-device.ts';
import { temporaryFolder } from '../services/viscript/support.ts';

async function stateIn(file: string) {
  const bytes = await readFile(file);
  const [first, second] = COPY_OFFSETS.map((at) => bytes.subarray(at, at + COPY_SIZE));
  return readCopies([first ?? Buffer.alloc(0), second ?? Buffer.alloc(0)]);
}

describe('the slot state on a device', () => {
  it('has the other slot first, with one attempt, and the one that runs with all of its', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'state');
    await writeFile(file, newStatePartition(2 ** 20));
    expect(startOtherOnce(file, 'A')).toBe('B');
    expect((await stateIn(file)).state).toEqual({ sequence: 2, first: 'B', left: { A: 3, B: 1 } });
    expect(startOtherOnce(file, 'B')).toBe('A');
    expect(await stateIn(file)).toMatchObject({
      state: { sequence: 3, first: 'A', left: { A: 1, B: 3 } },
      valid: [true, true],
    });
  });

  it('is not written when it will do, and is mended when both copies are broken', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'state');
    await writeFile(file, newStatePartition(2 ** 20));
    changeState(file, () => undefined);
    expect((await stateIn(file)).state?.sequence).toBe(1);
    await writeFile(file, Buffer.alloc(2 ** 20));
    changeState(file, () => undefined);
    expect((await stateIn(file)).state).toEqual({ sequence: 2, first: 'A', left: { A: 3, B: 3 } });
  });

  it('keeps a note of how far each slot came, whole characters of it, until the slot has all its attempts again', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'state');
    await writeFile(file, newStatePartition(2 ** 20));
    changeState(file, () => ({ first: 'B', left: { A: 2, B: 0 } }));
    expect(readNote(file, 'A')).toBe('');
    writeNote(file, 'A', '2 systemd\n');
    writeNote(file, 'B', `0 failed ${'é'.repeat(600)}`);
    expect(readNote(file, 'A')).toBe('2 systemd\n');
    expect(readNote(file, 'B')).toBe(`0 failed ${'é'.repeat(251)}`);
    changeState(file, (state) => ({ ...state, left: { A: 2, B: 3 } }));
    expect([readNote(file, 'A'), readNote(file, 'B')]).toEqual(['2 systemd\n', '']);
    expect(await stateIn(file)).toMatchObject({ valid: [true, true] });
  });

  it('knows the slot that was started from the kernel’s command line alone', () => {
    expect(startedSlot('quiet skyminer.slot=B skyminer.left=2\n')).toBe('B');
    for (const line of ['', 'skyminer.slot=C', 'xskyminer.slot=A', 'skyminer.slot=AB'])
      expect(() => startedSlot(line)).toThrow(/names no slot/);
  });
});
