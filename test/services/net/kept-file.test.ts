import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptFile } from '../../../services/net/kept-file.ts';
import { scratchFolder } from '../signal/support.ts';
import { mayMount, onSmallDisk } from '../small-disk.ts';

async function newFile() {
  const file = join(await scratchFolder(), 'state', 'file');
  const state = { content: 'first', asked: 0, problems: [] as string[] };
  const kept = new KeptFile({
    ...{ file, what: 'the counts', onProblem: (message) => state.problems.push(message) },
    content: () => {
      state.asked++;
      return state.content;
    },
  });
  onTestFinished(() => kept.stop());
  return { file, kept, state };
}

describe('what a program keeps', () => {
  it('is on the disk as it is when it is saved, and many changes share a write', async () => {
    const { file, kept, state } = await newFile();
    const first = kept.save();
    await Promise.all(Array.from({ length: 100 }, () => kept.save()));
    await first;
    expect(state.asked).toBeLessThanOrEqual(2);
    state.content = 'second';
    await kept.save();
    expect(await readFile(file, 'utf8')).toBe('second');
    expect(state.problems).toEqual([]);
  });

  it('and cannot be written is told once, and written by itself when it can be', async () => {
    const { file, kept, state } = await newFile();
    await mkdir(join(file, 'in the way'), { recursive: true });
    for (let save = 0; save < 5; save++) await kept.save();
    expect(kept.failing).toBe(true);
    expect(state.problems).toEqual([
      expect.stringMatching(`^cannot keep the counts in ${file} for now: EISDIR`),
    ]);
    state.content = 'newest';
    await rm(file, { recursive: true });
    await expect.poll(() => readFile(file, 'utf8').catch(String), { timeout: 60_000 }).toBe('newest');
    await expect.poll(() => state.problems.slice(1)).toEqual(['can keep the counts again']);
    expect(kept.failing).toBe(false);
  });

  it('and could not be written is tried once more at the end', async () => {
    const { file, kept, state } = await newFile();
    await mkdir(join(file, 'in the way'), { recursive: true });
    await kept.save();
    await rm(file, { recursive: true });
    await kept.stop();
    expect(await readFile(file, 'utf8')).toBe(state.content);
  });

  it.skipIf(!mayMount)('stays as it was when a disk is full or can only be read (needs root)', async () => {
    const module = join(import.meta.dirname, '../../../services/net/kept-file.ts');
    const seen = await onSmallDisk(`
      const { KeptFile } = await import(${JSON.stringify(module)});
      const problems = [];
      let content = 'before';
      const kept = new KeptFile({
        file: folder + '/file', what: 'it', content: () => content, onProblem: (told) => problems.push(told),
      });
      const save = () => kept.save().then(() => fs.readFileSync(folder + '/file', 'utf8').length);
      const lengths = [await save()];
      fill();
      content = 'x'.repeat(9000);
      lengths.push(await save(), await save());
      fs.rmSync(folder + '/filler');
      lengths.push(await save());
      content = 'after';
      remount('ro');
      lengths.push(await save(), await save());
      remount('rw');
      lengths.push(await save());
      return { lengths, problems: problems.map((told) => told.replace(/ in .* for now/, '')) };`);
    expect(seen).toEqual({
      lengths: [6, 6, 6, 9000, 9000, 9000, 5],
      problems: [
        'cannot keep it: ENOSPC: no space left on device, write',
        'can keep it again',
        expect.stringMatching(/^cannot keep it: EROFS: read-only file system/),
        'can keep it again',
      ],
    });
  });
});
