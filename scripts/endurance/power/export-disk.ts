import { writeFile } from 'node:fs/promises';
import { Qmp } from '../../../image/qemu/qmp.ts';
import { spawnTied } from '../../../image/qemu/tied-process.ts';

/** Makes a disk that is served over NBD on a Unix socket a file, by FUSE, for a loop device needs one. */
export async function exportDisk(path: string, file: string): Promise<AsyncDisposable & { file: string }> {
  await writeFile(file, '');
  const disk = { 'node-name': 'disk', driver: 'nbd', server: { type: 'unix', path } };
  const daemon = spawnTied('qemu-storage-daemon', [
    ...['--blockdev', JSON.stringify(disk)],
    ...['--export', `fuse,id=file,node-name=disk,mountpoint=${file},writable=on`],
    ...['--chardev', 'socket,id=qmp,fd=3', '--monitor', 'chardev=qmp'],
  ]);
  const ended = async (): Promise<never> => {
    throw new Error(`qemu-storage-daemon ended (status ${await daemon.exited}): ${daemon.stderr.trim()}`);
  };
  const qmp = await Promise.race([Qmp.connect(daemon.channel), ended()]);
  return {
    file,
    async [Symbol.asyncDispose]() {
      qmp.close();
      daemon.kill('SIGTERM');
      await daemon.exited;
    },
  };
}
