import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { QemuBoard, SerialConsole } from '../../image/qemu/index.ts';
import { run } from '../../image/run.ts';
import { type Command, MeasureError, timeCommand } from './process.ts';
import type { Row } from './row.ts';
import { squashfsBytes } from './squashfs.ts';

export interface BoardOptions {
  image: string;
  uBoot: string;
  folder: string;
  /** How often the board is booted. */
  boots: number;
  /** How often a booted one is asked. */
  rounds: number;
  progress: (text: string) => void;
}

/** An emulated board on a machine that does other things too. */
const BOOT_MS = 600_000;
const ANSWER_MS = 60_000;
/** With the supervisor six apps, as on the busiest board of a rack. */
const APPS = 6;
/** What a terminal is told about colours and the cursor. */
const CONTROL = '(?:\\x1b\\[[\\d;?]*[A-Za-z])*';
const PROMPT = new RegExp(`viscript@[\\w.-]+> ${CONTROL}$`);

/** Measures an image: its size, and boards that run it in QEMU. */
export async function measureBoard(options: BoardOptions): Promise<Row[]> {
  const { image, folder, boots, progress } = options;
  await mkdir(folder, { recursive: true });
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const boot: number[] = [];
  for (let count = 1; count < boots; count++) {
    progress(`boot ${count} of ${boots}`);
    await using board = await BootedBoard.start(options, key);
    boot.push(board.bootSeconds);
  }
  progress(`boot ${boots} of ${boots}`);
  await using board = await BootedBoard.start(options, key);
  boot.push(board.bootSeconds);
  const asked = await measureAnswers(board, options);
  return [
    {
      ...{ group: 'image', what: 'root file system, compressed', unit: 'MB', peers: {} },
      ...{ ours: [(await squashfsBytes(image, 'rootA')) / 1e6], must: { limit: 90 }, goal: { limit: 75 } },
    },
    {
      ...{ group: 'image', what: 'QEMU starts → the CLI has answered', unit: 's', peers: {} },
      ...{ ours: boot, must: { limit: 45 }, goal: { limit: 25 } },
    },
    ...asked,
  ];
}

async function measureAnswers(board: BootedBoard, { rounds, progress }: BoardOptions): Promise<Row[]> {
  progress(`starting ${APPS} apps`);
  for (let index = 0; index < APPS; index++) await board.ask(`start apptracker 127.0.0.1:${20_000 + index}`);
  await board.askUntil('list_apps -f', (answer) => answer.match(/ ready /g)?.length === APPS);

  const answers: number[] = [];
  const memory: number[] = [];
  const ssh: number[] = [];
  const floor: number[] = [];
  // The first round warms up what the guest has not run yet and does not count.
  for (let round = 0; round <= rounds; round++) {
    progress(`asking: round ${round} of ${rounds}`);
    const { ms } = await board.ask('list_apps');
    const command = await timeCommand(board.ssh('viscript', 'apps'));
    const nothing = await timeCommand(board.ssh('admin', 'true'));
    const used = usedBytes((await timeCommand(board.ssh('admin', 'cat', '/proc/meminfo'))).stdout);
    if (round === 0) continue;
    answers.push(ms);
    ssh.push(command.ms / 1_000);
    floor.push(nothing.ms / 1_000);
    memory.push(used / 1e6);
  }
  return [
    {
      ...{ group: 'image', what: `MemTotal − MemAvailable with ${APPS} apps`, unit: 'MB', peers: {} },
      ...{ ours: memory, must: { limit: 300 }, goal: { limit: 200 } },
    },
    {
      ...{
        group: 'CLI on the emulated board',
        what: 'an answer at the prompt of the serial line',
        unit: 'ms',
      },
      ...{ ours: answers, peers: {}, must: { limit: 150 }, goal: { limit: 50 } },
    },
    {
      ...{ group: 'CLI on the emulated board', what: 'one command over SSH', unit: 's' },
      ...{ ours: ssh, peers: { "'true' over SSH": floor }, must: { limit: 2 }, goal: { limit: 1 } },
    },
  ];
}

/** A board that has answered on its serial line. */
class BootedBoard {
  /** From the start of QEMU to the first answer of the CLI. */
  readonly bootSeconds: number;
  readonly #board: QemuBoard;
  readonly #serial: SerialConsole;
  readonly #key: string;

  static async start({ image, uBoot }: BoardOptions, key: string): Promise<BootedBoard> {
    const start = performance.now();
    const authorizedKeys = `${key}.pub`;
    const board = await QemuBoard.start({ name: 'bench', image, uBoot, authorizedKeys, paused: true });
    try {
      const serial = await SerialConsole.open(board.serial);
      await board.resume();
      await serial.waitFor(PROMPT, { timeoutMs: BOOT_MS });
      await ask(serial, 'version');
      return new BootedBoard(board, serial, key, (performance.now() - start) / 1_000);
    } catch (error) {
      await board.kill();
      throw error;
    }
  }

  private constructor(board: QemuBoard, serial: SerialConsole, key: string, bootSeconds: number) {
    this.#board = board;
    this.#serial = serial;
    this.#key = key;
    this.bootSeconds = bootSeconds;
  }

  /** Types a command. */
  ask(command: string): Promise<Answer> {
    return ask(this.#serial, command);
  }

  /** Repeats a question until the answer is right. @throws {MeasureError} when it does not become so in time. */
  async askUntil(command: string, isRight: (text: string) => boolean): Promise<void> {
    const end = performance.now() + ANSWER_MS;
    for (;;) {
      const { text } = await this.ask(command);
      if (isRight(text)) return;
      if (performance.now() > end) throw new MeasureError(`${command} still answers: ${text}`);
    }
  }

  ssh(user: string, ...command: string[]): Command {
    const settings = {
      ...{ IdentityFile: this.#key, IdentitiesOnly: 'yes', IdentityAgent: 'none', BatchMode: 'yes' },
      // A board of this moment, on this machine's loopback: its key is as new as the file that remembers it.
      ...{
        UserKnownHostsFile: `${this.#key}.known-${this.#board.sshPort}`,
        StrictHostKeyChecking: 'accept-new',
      },
      LogLevel: 'ERROR',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const target = ['-p', String(this.#board.sshPort), `${user}@127.0.0.1`];
    return { file: 'ssh', args: ['-F', 'none', ...options, ...target, ...command] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serial.close();
    await this.#board.kill();
  }
}

interface Answer {
  /** From the key Return to the next prompt, milliseconds. */
  ms: number;
  text: string;
}

async function ask(serial: SerialConsole, command: string): Promise<Answer> {
  const start = performance.now();
  await serial.write(`${command}\r`);
  // The line is drawn again while it is typed: the next prompt stands on a line after it.
  const shown = await serial.waitFor(new RegExp(`\\n[^\\n]*${PROMPT.source}`), { timeoutMs: ANSWER_MS });
  return { ms: performance.now() - start, text: stripVTControlCharacters(shown) };
}

function usedBytes(meminfo: string): number {
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1]);
  const used = kibibytes('MemTotal') - kibibytes('MemAvailable');
  if (Number.isNaN(used)) throw new MeasureError(`no /proc/meminfo: ${meminfo}`);
  return used * 1024;
}
