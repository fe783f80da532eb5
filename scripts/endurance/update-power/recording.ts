import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DiskRecord } from '../power/disk-record.ts';
import { serveNbd } from '../power/nbd-server.ts';
import { RecordingFailed, runStage } from '../power/recording.ts';

export interface UpdateRecordingOptions {
  /** Scratch folder of this recording, which is made; the caller removes it. */
  folder: string;
  /** Image of the disk that is updated. */
  before: string;
  /** Image of the disk whose slot B the update writes. */
  after: string;
}

/**
 * Records what an update of slot B does to a disk. Needs root, loop devices and FUSE.
 *
 * @throws {RecordingFailed}
 */
export async function recordUpdate({ folder, before, after }: UpdateRecordingOptions): Promise<DiskRecord> {
  await mkdir(folder);
  const record = new DiskRecord(before);
  try {
    await using server = await serveNbd(join(folder, 'nbd'), record);
    const stage = join(import.meta.dirname, 'stage.ts');
    await runStage(stage, [server.path, folder, after], (mark) => record.mark(mark));
    const [problem] = server.problems;
    if (problem !== undefined) throw new RecordingFailed('the disk failed', { cause: problem });
    return record;
  } catch (error) {
    record[Symbol.dispose]();
    throw error;
  }
}
