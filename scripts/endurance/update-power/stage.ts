/**
 * `stage.ts SOCKET FOLDER AFTER`: puts the slot B of the disk image AFTER into slot B of the disk that is served over NBD on
 * SOCKET, in the order in which an update does it, and tells its parent when that is over. Run it in a mount namespace
 * of its own: with it, all that was mounted is gone, whichever way it ends.
 */
import { join } from 'node:path';
import { findPartition } from '../../../image/disk/partitions.ts';
import { FULL_ATTEMPTS } from '../../../image/disk/state.ts';
import { changeState } from '../../../image/disk/state-device.ts';
import { run } from '../../../image/run.ts';
import type { Mark } from '../power/disk-record.ts';
import { exportDisk } from '../power/export-disk.ts';
import { UPDATED } from './cuts.ts';
import { squashfsSize } from './squashfs-size.ts';

const [socket = '', folder = '', after = ''] = process.argv.slice(2);
await using daemon = await exportDisk(socket, join(folder, 'disk'));
await using state = await partition('state');
// No half of it may be started.
changeState(state.device, ({ first, left }) => ({ first, left: { ...left, B: 0 } }));
for (const name of ['bootB', 'rootB']) await write(name);
changeState(state.device, ({ left }) => ({ first: 'B', left: { ...left, B: FULL_ATTEMPTS } }));
process.send?.({ writer: UPDATED, version: 1 } satisfies Mark);

async function write(name: string): Promise<void> {
  const { offset, size } = await findPartition(after, name);
  const used = name === 'rootB' ? await squashfsSize(after, offset) : size;
  await using target = await partition(name);
  const from = [`if=${after}`, `skip=${offset}`, `count=${used}`, 'iflag=skip_bytes,count_bytes,fullblock'];
  await run('dd', [...from, `of=${target.device}`, 'bs=1M', 'conv=fsync', 'status=none']);
}

/** A partition of the disk as a device of its own. */
async function partition(name: string): Promise<AsyncDisposable & { device: string }> {
  const { offset, size } = await findPartition(after, name);
  const place = ['--offset', String(offset), '--sizelimit', String(size)];
  const { stdout } = await run('losetup', ['--find', '--show', ...place, daemon.file]);
  const device = stdout.trim();
  return {
    device,
    async [Symbol.asyncDispose]() {
      await run('losetup', ['--detach', device]);
    },
  };
}
