import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm, truncate, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BoardError, QemuBoard } from '../../../image/qemu/index.ts';
import { U_BOOT, UBoot } from './u-boot.ts';

let folder: string;
let image: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer board, é '));
  image = join(folder, 'disk, of a board.img');
  await writeFile(image, 'first sector');
  await truncate(image, 8 * 1024 * 1024);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a board in QEMU', () => {
  it('answers on its serial line', async () => {
    await using uBoot = await UBoot.start();
    expect(await uBoot.run('echo here we are')).toBe('here we are');
  });

  it('goes back to a snapshot, memory and disk', async () => {
    await using uBoot = await UBoot.start({ image });
    await uBoot.run('setenv mark one; mw.b 0x44000000 0x31 0x200; virtio scan; virtio write 0x44000000 8 1');
    await uBoot.board.saveSnapshot('here');
    await uBoot.run('setenv mark two; mw.b 0x44000000 0x32 0x200; virtio write 0x44000000 8 1');
    await uBoot.board.loadSnapshot('here');
    expect(await uBoot.run('echo $mark')).toBe('one');
    expect(await uBoot.run('virtio read 0x44001000 8 1; md.b 0x44001000 1')).toMatch(/44001000: 31/);
  });

  it('refuses a snapshot that is not there', async () => {
    await using uBoot = await UBoot.start({ image });
    await expect(uBoot.board.loadSnapshot('nowhere')).rejects.toThrow(BoardError);
  });

  it('gives way with every thread', async () => {
    await using uBoot = await UBoot.start({ image });
    await uBoot.board.giveWay();
    const threads = await readdir(`/proc/${uBoot.board.pid}/task`);
    expect(threads.length).toBeGreaterThan(1);
    const niceness = threads.map((thread) => getPriority(Number(thread)));
    expect(new Set(niceness)).toEqual(new Set([5]));
    expect(await uBoot.run('echo still here')).toBe('still here');
  });

  it('leaves the image as it is, whatever the board writes', async () => {
    const before = await hashOf(image);
    await using uBoot = await UBoot.start({ image });
    await uBoot.run('virtio scan; mw.b 0x44000000 0x55 0x200; virtio write 0x44000000 0 1');
    expect(await hashOf(image)).toBe(before);
  });

  it('keeps a disk that is to be kept, and its snapshots', async () => {
    const disk = { keep: join(folder, 'kept.qcow2') };
    {
      await using uBoot = await UBoot.start({ image, disk });
      await uBoot.run(
        'virtio scan; mw.b 0x44000000 0x77 0x200; virtio write 0x44000000 9 1; setenv mark kept',
      );
      await uBoot.board.saveSnapshot('later');
    }
    await using again = await UBoot.start({ image, disk });
    expect(await again.run('virtio scan; virtio read 0x44000000 9 1; md.b 0x44000000 1')).toMatch(/: 77/);
    await again.board.loadSnapshot('later');
    expect(await again.run('echo $mark')).toBe('kept');
  });

  it('can have a larger disk than the image', async () => {
    await using uBoot = await UBoot.start({ image, diskMiB: 64 });
    expect(await uBoot.run('virtio scan; virtio info')).toMatch(/Capacity: 64\.0 MB/);
  });

  it('has SSH on a port of loopback that is its own, and listens nowhere else', async () => {
    const options = { name: 'one', uBoot: U_BOOT, memoryMiB: 64 };
    const boards = await Promise.all([QemuBoard.start(options), QemuBoard.start(options)]);
    try {
      for (const board of boards) {
        expect(await listeningAddresses(board.pid)).toEqual([`127.0.0.1:${board.sshPort}`]);
      }
      expect(boards[0].sshPort).not.toBe(boards[1].sshPort);
    } finally {
      await Promise.all(boards.map((board) => board.kill()));
    }
  });

  it('takes a BREAK on its line', async () => {
    await using uBoot = await UBoot.start();
    await uBoot.board.sendBreak('console');
    expect(await uBoot.run('echo still here')).toMatch(/still here/);
  });

  it('starts anew when it is reset', async () => {
    await using uBoot = await UBoot.start();
    await uBoot.board.reset();
    await uBoot.line.waitFor(/U-Boot 20\d\d/, { timeoutMs: 60_000 });
  });

  it('says so when the power button does nothing, and goes on running', async () => {
    await using uBoot = await UBoot.start();
    await expect(uBoot.board.powerOff({ deadlineMs: 300 })).rejects.toThrow(/still on/);
    expect(await uBoot.run('echo still on')).toBe('still on');
  });

  it('tells what QEMU said when it does not start', async () => {
    const start = QemuBoard.start({ name: 'none', uBoot: join(folder, 'no such file') });
    await expect(start).rejects.toThrow(/Could not find ROM image .*no such file/);
  });

  it('is gone with all it had when its owner is killed', async () => {
    const scratch = await mkdtemp(join(folder, 'scratch'));
    const key = join(folder, 'key.pub');
    await writeFile(key, 'ssh-ed25519 AAAA test\n');
    const owner = spawn(
      process.execPath,
      [join(import.meta.dirname, 'fixtures/owner.ts'), U_BOOT, image, key],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: scratch } },
    );
    const { value } = await createInterface(owner.stdout)[Symbol.asyncIterator]().next();
    const { pid } = JSON.parse(String(value));
    expect(await isRunning(pid)).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => isRunning(pid), { timeout: 60_000 }).toBe(false);
    expect(await readdir(scratch)).toEqual([]);
  });
});

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function isRunning(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Addresses of the TCP sockets that a process listens on (proc_pid_net(5); state 0A is LISTEN). */
async function listeningAddresses(pid: number | undefined): Promise<string[]> {
  const inodes = new Set<string>();
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${fd}`))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8')),
  );
  return tables
    .flatMap((table) => table.split('\n').map((line) => line.trim().split(/\s+/)))
    .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? ''))
    .map((fields) => addressOf(fields[1] ?? ''));
}

function addressOf(hex: string): string {
  const [address = '', port = ''] = hex.split(':');
  const bytes = Buffer.from(address, 'hex').reverse();
  return `${bytes.length === 4 ? bytes.join('.') : address}:${Number.parseInt(port, 16)}`;
}
