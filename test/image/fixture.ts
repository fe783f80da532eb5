import { createHash } from 'node:crypto';
import { constants, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QemuBoard, type QemuBoardOptions, SerialConsole } from '../../image/qemu/index.ts';
import { run } from '../../image/run.ts';
import { CommandLine } from './command-line.ts';
import { type ImageUnderTest, imageUnderTest, oneAtATime, WORK } from './image-under-test.ts';
import { RootShell, rootShellCredentials } from './root-shell.ts';
import { makeKey, Ssh } from './ssh.ts';

/** An emulated board boots in half a minute, and in many on a machine that does other things too. */
export const BOOT_MS = 600_000;
/** A test or hook in which boards boot. */
export const BOOTING_MS = 2 * BOOT_MS;
/** Name of the snapshot in the disk that `bootedGuest` starts from. */
const BOOTED = 'booted';

export interface GuestOptions
  extends Pick<
    QemuBoardOptions,
    | 'disk'
    | 'diskMiB'
    | 'writeProtected'
    | 'network'
    | 'hub'
    | 'services'
    | 'entropy'
    | 'clock'
    | 'snapshot'
    | 'memoryMiB'
    | 'cpus'
    | 'credentials'
  > {
  /** Another image than the one under test: a copy of it in which something was changed. */
  image?: string;
}

/** A board that runs the image under test, with all the ways a test has to it. */
export class Guest {
  readonly board: QemuBoard;
  /** The line of U-Boot, the kernel and the root shell. */
  readonly console: SerialConsole;
  readonly cli: CommandLine;
  readonly root: RootShell;

  private constructor(board: QemuBoard, console: SerialConsole, serial: SerialConsole) {
    this.board = board;
    this.console = console;
    this.cli = new CommandLine(serial);
    this.root = new RootShell(console);
  }

  /** Switches a board on; it has everything to boot yet. */
  static async start(options: GuestOptions = {}): Promise<Guest> {
    const under = await imageUnderTest();
    const board = await QemuBoard.start({
      name: 'skyminer-test',
      ...under,
      authorizedKeys: (await ownerKey()).publicFile,
      ...options,
      credentials: { ...rootShellCredentials, ...options.credentials },
      paused: true,
    });
    try {
      const console = await SerialConsole.open(board.console);
      const serial = await SerialConsole.open(board.serial);
      await board.resume();
      return new Guest(board, console, serial);
    } catch (error) {
      await board.kill();
      throw error;
    }
  }

  /** Waits until the board is in service and returns its greeting. */
  async booted(): Promise<string> {
    const greeting = await this.cli.greeting(BOOT_MS);
    await this.root.ready(BOOT_MS);
    return greeting;
  }

  /** A client of the board's SSH that knows the board's host key, as one does who made the card. */
  async ssh(): Promise<Ssh> {
    const key = await ownerKey();
    const hostKey = await this.root.text('cat /data/ssh/host/ssh_host_ed25519_key.pub');
    const knownHosts = `${key.file}.known-${this.board.pid}`;
    await writeFile(knownHosts, `board ${hostKey}\n`);
    return new Ssh(this.board.sshPort, key.file, knownHosts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.console.close();
    await this.cli.line.close();
    await this.board.kill();
  }
}

/**
 * A board that has just come into service, in a second instead of half a minute: it goes on from a snapshot that is
 * taken once for an image. What a test changes in it is not seen by the next one.
 */
export async function bootedGuest(): Promise<Guest & AsyncDisposable> {
  const disk = await copyOf(await bootedDisk());
  const guest = await Guest.start({ disk: { keep: disk }, snapshot: BOOTED });
  try {
    // QEMU holds the file open: it has no need of its name, and nothing is left when the test is killed.
    await rm(disk);
    await guest.cli.wake();
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/** A disk of a board that is in service, for tests that switch it off and on again. The caller removes it. */
export async function copyOfBootedDisk(): Promise<{ disk: { keep: string }; snapshot: string }> {
  return { disk: { keep: await copyOf(await bootedDisk()) }, snapshot: BOOTED };
}

/** A copy of the image under test, to be changed. The caller removes it. */
export async function copyOfImage(): Promise<string> {
  const { image } = await imageUnderTest();
  const copy = join(await scratchFolder(), 'changed.img');
  // `cp` keeps the holes of a file that is mostly empty.
  await run('cp', ['--sparse=always', '--dereference', image, copy]);
  return copy;
}

async function copyOf(file: string): Promise<string> {
  const copy = join(await scratchFolder(), 'disk.qcow2');
  await copyFile(file, copy, constants.COPYFILE_FICLONE);
  return copy;
}

let scratch: Promise<string> | undefined;

/** One folder a process, and so a test file; those of processes that were killed are removed. */
function scratchFolder(): Promise<string> {
  scratch ??= (async () => {
    const all = join(WORK, 'scratch');
    const own = join(all, String(process.pid));
    await mkdir(own, { recursive: true });
    const running = new Set(await readdir('/proc'));
    for (const name of await readdir(all))
      if (!running.has(name)) await rm(join(all, name), { recursive: true, force: true });
    return own;
  })();
  return scratch.then((folder) => mkdtemp(join(folder, 'disk-')));
}

let booted: Promise<string> | undefined;

function bootedDisk(): Promise<string> {
  booted ??= oneAtATime('booted', makeBootedDisk);
  return booted;
}

async function makeBootedDisk(): Promise<string> {
  const folder = join(WORK, 'booted');
  await mkdir(folder, { recursive: true });
  const disk = join(folder, `${await keyOfSnapshot(await imageUnderTest())}.qcow2`);
  const names = await readdir(folder);
  if (names.includes(disk.slice(folder.length + 1))) return disk;
  for (const name of names) await rm(join(folder, name));
  const part = `${disk}.part`;
  await using guest = await Guest.start({ disk: { keep: part } });
  await guest.booted();
  await guest.board.saveSnapshot(BOOTED);
  await rename(part, disk);
  return disk;
}

/** A snapshot belongs to an image, the program that took it, and the machine and credentials it was given. */
async function keyOfSnapshot({ image, uBoot }: ImageUnderTest): Promise<string> {
  const { mtimeMs, size } = await stat(image);
  const { stdout: version } = await run('qemu-system-aarch64', ['--version']);
  const sources = ['fixture.ts', 'root-shell.ts', '../../image/qemu/arguments.ts'];
  const stamps = await Promise.all(
    sources.map(async (source) => (await stat(join(import.meta.dirname, source))).mtimeMs),
  );
  const key = [image, uBoot, mtimeMs, size, version, (await ownerKey()).file, ...stamps];
  return createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 20);
}

let owner: ReturnType<typeof makeKey> | undefined;

/** The key that may log in. It is kept as long as the snapshots in which it is known. */
function ownerKey(): ReturnType<typeof makeKey> {
  owner ??= oneAtATime('key', async () => {
    const folder = join(WORK, 'key');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, 'owner');
    if ((await readdir(folder)).includes('owner.pub')) return { file, publicFile: `${file}.pub` };
    await rm(file, { force: true });
    return makeKey(folder, 'owner');
  });
  return owner;
}
