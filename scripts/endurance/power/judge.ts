import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, run } from '../../../image/run.ts';
import { Lost, type Writer } from './writer.ts';

/**
 * Judges what a power cut has left of a file system: it is repaired as a board does before it mounts `data`, must then
 * be without any error, and each writer must find in it what it was promised.
 *
 * @param disk image of the file system, which is changed
 * @param folder scratch folder for what is read from it; made, and removed again
 * @throws {Lost} with everything that is wrong
 */
export async function judgeDisk(
  disk: string,
  folder: string,
  writers: Readonly<Record<string, Writer>>,
  kept: ReadonlyMap<string, number>,
): Promise<void> {
  await recover(disk);
  await mkdir(folder);
  try {
    await run('debugfs', ['-R', `rdump / ${folder}`, disk]);
    const checks = Object.entries(writers).map(([name, writer]) =>
      writer.check(join(folder, name), kept.get(name) ?? 0),
    );
    const problems = (await Promise.allSettled(checks)).flatMap((result) =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    if (problems.length > 0) throw new Lost(problems.map(String).join('\n'), { cause: problems[0] });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What `e2fsck -p` says when it mends nothing. */
const NOTHING_MENDED = [
  /: recovering journal$/,
  /: Clearing orphaned inode \d+ /,
  /: clean, \d+\/\d+ files, \d+\/\d+ blocks$/,
  /: \d+\/\d+ files \([\d.]+% non-contiguous\), \d+\/\d+ blocks$/,
];

const TORN_TRANSACTION = /: Journal transaction \d+ was corrupt, replay was aborted\.$/;

/**
 * What it says beside that. The record that ends a transaction is a block of eight sectors: when the power goes while it is
 * written, that transaction, which nobody was promised, is left out, and everything checked. The list of files that were
 * removed while they were open is not trusted then: what stands in it is found by the check, and taken away by it.
 */
const LEFT_OUT = [
  TORN_TRANSACTION,
  /contains a file system with errors, check forced\.$/,
  /: Deleted inode \d+ has zero dtime\. {2}FIXED\.$/,
];

const TORN_SUPERBLOCK = /Superblock checksum does not match superblock/;

/**
 * Replays the journal of an ext4 file system, as a board does, and checks everything.
 *
 * @throws {Lost} something had to be mended, or is wrong
 */
export async function recover(disk: string): Promise<void> {
  try {
    await run('e2fsck', ['-p', disk]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.tail.some((line) => TORN_SUPERBLOCK.test(line))) return takeCopy(disk);
    // 1: something was changed.
    if (error.status !== 1) throw damaged(error);
    const torn = error.tail.some((line) => TORN_TRANSACTION.test(line));
    const harmless = torn ? [...NOTHING_MENDED, ...LEFT_OUT] : NOTHING_MENDED;
    const mended = error.tail.filter((line) => !harmless.some((pattern) => pattern.test(line)));
    if (mended.length > 0) throw damaged(error);
  }
  await expectNoError(disk);
}

/**
 * The power went while the superblock was written, and left some of its sectors. `e2fsck -p` gives up then; a board goes on with
 * `-y`, which takes the copy of the superblock, and replays the journal.
 */
async function takeCopy(disk: string): Promise<void> {
  try {
    await run('e2fsck', ['-y', disk]);
  } catch (error) {
    // 1: something was changed.
    if (!(error instanceof CommandError) || error.status !== 1) throw damaged(error);
  }
  await expectNoError(disk);
}

async function expectNoError(disk: string): Promise<void> {
  try {
    await run('e2fsck', ['-f', '-n', disk]);
  } catch (error) {
    throw damaged(error);
  }
}

function damaged(cause: unknown): Lost {
  return new Lost(`the file system is damaged: ${cause instanceof Error ? cause.message : cause}`, { cause });
}
