import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../../image/files.ts';
import { syncFolder } from '../../../services/net/durable-file.ts';
import { expectKept, expectVersion, type Writer } from './writer.ts';

/** Sequence numbers, each flushed before the next: what a power cut may take is known to the line. */
export const journal: Writer = {
  async write(folder, kept, signal) {
    for (let version = 1; !signal.aborted; version++) {
      await appendLine(join(folder, 'journal'), lineOf(version));
      kept(version);
    }
  },
  async check(folder, kept) {
    const lines = await linesOf(join(folder, 'journal'));
    expectKept(lines.length, kept, 'journal');
    for (const [index, line] of lines.entries()) {
      // The length of a file may be on the disk before what was added last, which then is zeros; nobody was promised that.
      if (index >= kept && line.includes('\0')) continue;
      expectVersion(line, lineOf(index + 1), 'journal');
    }
  },
};

/** Adds a line to a file; resolves when it is on the disk. */
export async function appendLine(file: string, line: string): Promise<void> {
  await using handle = await open(file, 'a', 0o600);
  const { size } = await handle.stat();
  await handle.write(`${line}\n`);
  await handle.sync();
  if (size === 0) await syncFolder(join(file, '..'));
}

/** The whole lines of a file; none where there is no file. */
export async function linesOf(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n').slice(0, -1);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Of no even length, so that lines lie across sectors. */
function lineOf(version: number): string {
  return `${version} ${'.'.repeat(version % 97)}`;
}
