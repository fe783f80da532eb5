/**
 * `stage.ts SOCKET FOLDER SYNCED WRITERS`: mounts the disk that is served over NBD on SOCKET, and lets the writers of
 * the module WRITERS write there until the first of them has kept SYNCED versions. Tells its parent of each version that
 * is kept. Run it in a mount namespace of its own: with it, all that was mounted is gone, whichever way it ends.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../image/run.ts';
import { pause } from '../../../services/signal/pause.ts';
import type { Mark } from './disk-record.ts';
import { exportDisk } from './export-disk.ts';
import type { Writer } from './writer.ts';

/** The kernel writes by itself after 5 and 30 seconds; a record is shorter than that. */
const WRITE_BACK_MS = 150;

const [socket = '', folder = '', synced = '', module = ''] = process.argv.slice(2);
const { writers }: { writers: Readonly<Record<string, Writer>> } = await import(module);
await using daemon = await exportDisk(socket, join(folder, 'disk'));
const place = join(folder, 'data');
await mkdir(place);
// As on a board, but for one thing: ext4 writes a file's content when it is renamed over another, to protect those who
// forget to. Ours must not need that.
const options = 'loop,noatime,nosuid,nodev,noauto_da_alloc';
await run('mount', ['-t', 'ext4', '-o', options, daemon.file, place]);
try {
  await writeAll(place, Number(synced));
} finally {
  await run('umount', [place]);
}

/** Ends all writers when one has failed, or the first one is done. */
async function writeAll(place: string, synced: number): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  const [first] = Object.keys(writers);
  const work = Object.entries(writers).map(async ([name, writer]) => {
    const own = join(place, name);
    await mkdir(own, { recursive: true });
    const kept = (version: number) => {
      tell({ writer: name, version });
      if (name === first && version >= synced) end();
    };
    await writer.write(own, kept, stop.signal);
  });
  const results = await Promise.allSettled([...work.map((each) => each.catch(failing(end))), writeBack()]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;

  async function writeBack(): Promise<void> {
    while (!stop.signal.aborted) {
      await run('sync', ['--file-system', place]);
      await pause(WRITE_BACK_MS, stop.signal);
    }
  }
}

function failing(end: () => void): (error: unknown) => never {
  return (error) => {
    end();
    throw error;
  };
}

function tell(mark: Mark): void {
  process.send?.(mark);
}
