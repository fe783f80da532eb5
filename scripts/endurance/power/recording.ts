import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/run.ts';
import { DiskRecord, type Mark } from './disk-record.ts';
import { serveNbd } from './nbd-server.ts';

export interface RecordingOptions {
  /** Scratch folder of this recording, which is made; the caller removes it. */
  folder: string;
  /** Module that exports `writers`, what is to write. Its first one says when it is over. */
  writers: string;
  /** So many versions the first writer keeps. */
  versions: number;
}

/** The writers, or the disk under them, came to no good end. */
export class RecordingFailed extends Error {
  override readonly name = 'RecordingFailed';
}

/** More than 128 MiB: then there is a copy of the superblock, as on every card. */
const DISK_BYTES = '160M';
/** The least there is: the journal of the file system, and it alone, is written over again and again. */
const JOURNAL = 'size=4';
/** As image/disk/filesystems.cfg has them for `data`, but for quotas: the kernel of this machine may not know them. */
const FEATURES = ['-b', '4096', '-m', '1', '-O', '^orphan_file,^metadata_csum_seed', '-J', JOURNAL];

/**
 * Records what a new ext4 file system does to its disk while writers write to it. Needs root, loop devices and FUSE.
 *
 * @throws {RecordingFailed}
 */
export async function recordWriters(options: RecordingOptions): Promise<DiskRecord> {
  const { folder, writers, versions } = options;
  await mkdir(folder);
  const base = join(folder, 'base');
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', ...FEATURES, base, DISK_BYTES]);
  const record = new DiskRecord(base);
  try {
    await using server = await serveNbd(join(folder, 'nbd'), record);
    const stage = join(import.meta.dirname, 'stage.ts');
    await runStage(stage, [server.path, folder, String(versions), writers], (mark) => record.mark(mark));
    const [problem] = server.problems;
    if (problem !== undefined) throw new RecordingFailed('the disk failed', { cause: problem });
    return record;
  } catch (error) {
    record[Symbol.dispose]();
    throw error;
  }
}

/**
 * Runs a program that writes on a recorded disk, in a mount namespace of its own, to its end.
 *
 * @param onMark told of each version that it has promised to be kept
 * @throws {RecordingFailed}
 */
export async function runStage(
  stage: string,
  args: readonly string[],
  onMark: (mark: Mark) => void,
): Promise<void> {
  const program = [process.execPath, stage, ...args];
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...program], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  child.on('message', (mark) => onMark(mark as Mark));
  const [status, signal] = await once(child, 'close');
  if (status !== 0)
    throw new RecordingFailed(`the writers ended with ${signal ?? `status ${status}`}: ${complaints}`);
}
