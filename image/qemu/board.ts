import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { type Forward, type Machine, PART, qemuArguments } from './arguments.ts';
import { makeDisk } from './disk.ts';
import { Qmp } from './qmp.ts';
import { spawnTied, type TiedProcess } from './tied-process.ts';

export interface QemuBoardOptions {
  /** Shown in QEMU's process list. */
  name: string;
  /** The raw image, which stays untouched. Without one the board stops at U-Boot's prompt. */
  image?: string;
  /** U-Boot as the machine's firmware (`u-boot.bin` for `qemu_arm64`). */
  uBoot: string;
  /** Default 512. */
  memoryMiB?: number;
  /** Default 2. */
  cpus?: number;
  /**
   * `keep`: a qcow2 file that is kept, made from the image when it is not there. `nbd`: the Unix socket of a server of the
   * disk, of which there are no snapshots; no image is needed. Otherwise the disk is thrown away.
   */
  disk?: { keep: string } | { nbd: string };
  /** Size of the disk, for an image on a larger card. Default: that of the image, or of the disk that was kept. */
  diskMiB?: number;
  /** The disk refuses every write, as a card does at the end of its life. */
  writeProtected?: boolean;
  /** File with the public keys that may log in over SSH. */
  authorizedKeys?: string;
  /** Further systemd credentials for the board, by name (at most 28 characters, QEMU allows no more). */
  credentials?: Readonly<Record<string, string>>;
  /** `user` (default): SSH is forwarded to a port of this machine's loopback, and nothing else passes. */
  network?: 'user' | 'none';
  /** Further ports of 127.0.0.1 that lead to ports of the board. */
  forwards?: readonly Forward[];
  /** Ports of 127.0.0.1 here that the board reaches at 10.0.2.100, by netcat-openbsd. */
  services?: readonly Forward[];
  /** A second network card, on the hub that listens there. */
  hub?: { path: string; mac: string };
  /** `none`: no random number source, as on most boards. */
  entropy?: 'none';
  /** Time at which the board's clock starts, `YYYY-MM-DDTHH:MM:SS` in UTC. Default: this machine's. */
  clock?: string;
  /** Snapshot to go on from instead of booting; the other options must be those it was saved with. */
  snapshot?: string;
  /** Leave the board paused until `resume`, to open its lines before the first byte is on them. */
  paused?: boolean;
}

/** A board that did not start, or did not do what was asked of it. */
export class BoardError extends Error {
  override readonly name = 'BoardError';
}

/** How long QEMU may take to end after SIGTERM; it then has only its files to close. */
const TERM_MS = 5000;
/** The power button is pressed again after this long: a board that is still booting does not see the first press. */
const PRESS_AGAIN_MS = 10_000;
const POWER_OFF_MS = 180_000;
/** Niceness of a board that gives way: beside one that does not it gets a third of the time. */
const GIVES_WAY = 5;

/**
 * A board in QEMU. It lives as long as its owner: `kill`, `powerOff` and `await using` end it, and the kernel does
 * when this process dies. What it wrote to a throw-away disk is gone with it, for the file has no name any more.
 */
export class QemuBoard {
  readonly name: string;
  /** Path of the pty that is the board's `ttyAMA0`: U-Boot and the kernel. */
  readonly console: string;
  /** Path of the pty that is the board's `ttyS0`: the command line. */
  readonly serial: string;
  /** Port of 127.0.0.1 that leads to the board's SSH; 0 without a network. */
  readonly sshPort: number;
  /** Process id of QEMU. */
  readonly pid: number | undefined;
  /** Exit status of QEMU, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  readonly #process: TiedProcess;
  readonly #qmp: Qmp;

  private constructor(name: string, process: TiedProcess, qmp: Qmp, ports: Ports) {
    this.name = name;
    this.pid = process.pid;
    this.exited = process.exited;
    this.console = ports.console;
    this.serial = ports.serial;
    this.sshPort = ports.ssh;
    this.#process = process;
    this.#qmp = qmp;
  }

  /** @throws BoardError when QEMU does not start; CommandError when the disk cannot be made */
  static async start(options: QemuBoardOptions): Promise<QemuBoard> {
    // Not in /tmp, which may be in memory: a snapshot holds all of the board's memory.
    const scratch = await mkdtemp(join(process.env.TMPDIR ?? '/var/tmp', 'skyminer-qemu-'));
    try {
      return await QemuBoard.#launch(options, scratch);
    } finally {
      // QEMU holds its disk open and has read the credentials: nothing of this is needed by name any more.
      await rm(scratch, { recursive: true, force: true });
    }
  }

  static async #launch(options: QemuBoardOptions, scratch: string): Promise<QemuBoard> {
    const machine = await prepare(options, scratch);
    const child = spawnTied('qemu-system-aarch64', qemuArguments(machine));
    try {
      const qmp = await Promise.race([Qmp.connect(child.channel), failed(options.name, child)]);
      const board = new QemuBoard(options.name, child, qmp, await findPorts(qmp, machine));
      if (options.paused !== true) await board.resume();
      return board;
    } catch (error) {
      await end(child);
      if (error instanceof BoardError) throw error;
      throw new BoardError(`${options.name}: QEMU did not start: ${child.stderr.trim()}`, { cause: error });
    }
  }

  /** Lets a board run that was started paused. */
  async resume(): Promise<void> {
    await this.#qmp.execute('cont');
  }

  /** Has it run behind boards that boot, and other work of this machine, for good. */
  async giveWay(): Promise<void> {
    // Each thread has a niceness of its own; the first is the process's.
    for (const thread of await readdir(`/proc/${this.pid}/task`)) {
      try {
        setPriority(Number(thread), GIVES_WAY);
      } catch (error) {
        // QEMU ends threads that wait for disks when it likes.
        if (!(error instanceof Error && 'errno' in error && error.errno === -constants.errno.ESRCH))
          throw error;
      }
    }
  }

  /** Keeps the whole state of the board, memory and disk, under a name inside its disk. */
  async saveSnapshot(name: string): Promise<void> {
    await this.#snapshotCommand('savevm', name);
  }

  /** Puts the whole board back to where it was saved. Lines and connections of its outside stay as they are. */
  async loadSnapshot(name: string): Promise<void> {
    await this.#snapshotCommand('loadvm', name);
  }

  /**
   * Presses the power button and waits for the board to shut down and QEMU to end.
   *
   * @throws BoardError when it is still on after `deadlineMs`; it then goes on running
   */
  async powerOff({ deadlineMs = POWER_OFF_MS }: { deadlineMs?: number } = {}): Promise<void> {
    const press = () => this.#qmp.execute('system_powerdown');
    const until = performance.now() + deadlineMs;
    while (this.#process.running) {
      const left = until - performance.now();
      if (left <= 0)
        throw new BoardError(`${this.name}: still on ${deadlineMs / 1000} s after its power button`);
      // QEMU may end between the look and the press; a press that fails on a running QEMU is an error.
      await press().catch((error: unknown) => this.#goneOr(error));
      await settledWithin(this.exited, Math.min(left, PRESS_AGAIN_MS));
    }
    this.#qmp.close();
  }

  /** Presses the reset button: the board starts anew, its memory lost. */
  async reset(): Promise<void> {
    await this.#qmp.execute('system_reset');
  }

  /** Pulls the cable of the network `user` out, or puts it in again. */
  async setCable(state: 'in' | 'out'): Promise<void> {
    await this.#qmp.execute('set_link', { name: PART.user, up: state === 'in' });
  }

  /** Sends a BREAK down one of the board's lines, which a pty cannot carry. */
  async sendBreak(line: 'console' | 'serial'): Promise<void> {
    await this.#qmp.execute('chardev-send-break', { id: PART[line] });
  }

  /** Pulls the plug, and waits until QEMU has ended. */
  async kill(): Promise<void> {
    await end(this.#process);
    this.#qmp.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #snapshotCommand(command: 'savevm' | 'loadvm', name: string): Promise<void> {
    if (!/^[A-Za-z][\w.-]*$/.test(name)) throw new BoardError(`${name}: not a name for a snapshot`);
    const answer = await this.#qmp.monitor(`${command} ${name}`);
    if (answer !== '') throw new BoardError(`${this.name}: ${command} ${name}: ${answer}`);
  }

  async #goneOr(error: unknown): Promise<void> {
    await settledWithin(this.exited, TERM_MS);
    if (this.#process.running) throw error;
  }
}

interface Ports {
  console: string;
  serial: string;
  ssh: number;
}

async function prepare(options: QemuBoardOptions, scratch: string): Promise<Machine> {
  const disk = await diskOf(options, scratch);
  return {
    name: options.name,
    uBoot: resolve(options.uBoot),
    disk,
    writeProtected: options.writeProtected ?? false,
    memoryMiB: options.memoryMiB ?? 512,
    cpus: options.cpus ?? 2,
    network: options.network ?? 'user',
    forwards: options.forwards ?? [],
    services: options.services ?? [],
    hub: options.hub,
    credentials: await writeCredentials(options, scratch),
    entropy: options.entropy !== 'none',
    clock: options.clock,
    snapshot: options.snapshot,
  };
}

async function diskOf({ image, disk, diskMiB }: QemuBoardOptions, scratch: string): Promise<Machine['disk']> {
  if (disk !== undefined && 'nbd' in disk) return { nbd: resolve(disk.nbd) };
  if (image === undefined) return undefined;
  const size = diskMiB === undefined ? {} : { sizeMiB: diskMiB };
  return { file: await makeDisk({ image, scratch, ...disk, ...size }) };
}

/** Values go by file: an argument could be read by every process of this machine. */
async function writeCredentials(options: QemuBoardOptions, scratch: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [name, value] of Object.entries(options.credentials ?? {})) {
    const file = join(scratch, `credential-${files.size}`);
    await writeFile(file, value, { mode: 0o600 });
    files.set(name, file);
  }
  if (options.authorizedKeys !== undefined) {
    files.set('skyminer.authorized_keys', resolve(options.authorizedKeys));
  }
  return files;
}

async function failed(name: string, child: TiedProcess): Promise<never> {
  const status = await child.exited;
  throw new BoardError(`${name}: QEMU ended at once (status ${status}): ${child.stderr.trim()}`);
}

async function findPorts(qmp: Qmp, machine: Machine): Promise<Ports> {
  const lines = await ptys(qmp);
  return {
    console: lineOf(lines, PART.console),
    serial: lineOf(lines, PART.serial),
    ssh: machine.network === 'user' ? await forwardSsh(qmp) : 0,
  };
}

async function ptys(qmp: Qmp): Promise<Map<string, string>> {
  const devices = await qmp.execute('query-chardev');
  if (!Array.isArray(devices)) throw new BoardError('QEMU: query-chardev answered with no list');
  return new Map(devices.map((device) => [String(device.label), String(device.filename)]));
}

function lineOf(lines: ReadonlyMap<string, string>, label: string): string {
  const path = /^pty:(.+)$/.exec(lines.get(label) ?? '')?.[1];
  if (path === undefined) throw new BoardError(`QEMU made no pty for ${label}`);
  return path;
}

/** The kernel picks the port, so no two boards can want the same; only the monitor's table tells which it was. */
async function forwardSsh(qmp: Qmp): Promise<number> {
  const answer = await qmp.monitor(`hostfwd_add ${PART.user} tcp:127.0.0.1:0-:22`);
  const table = await qmp.monitor('info usernet');
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(table)?.[1];
  if (port === undefined) throw new BoardError(`QEMU forwards no port to SSH: ${answer}\n${table}`);
  return Number(port);
}

async function end(child: TiedProcess): Promise<void> {
  child.kill('SIGTERM');
  await settledWithin(child.exited, TERM_MS);
  if (child.running) child.kill('SIGKILL');
  await child.exited;
}

/** Resolves when `event` has happened or the time is over, whichever comes first. */
async function settledWithin(event: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((done) => {
    timer = setTimeout(done, ms);
  });
  try {
    await Promise.race([event, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
