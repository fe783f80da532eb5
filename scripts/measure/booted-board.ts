import { stripVTControlCharacters } from 'node:util';
import { QemuBoard, SerialConsole } from '../../image/qemu/index.ts';
import { type Command, MeasureError } from './process.ts';

/** An emulated board on a machine that does other things too. */
const BOOT_MS = 600_000;
const ANSWER_MS = 60_000;
/** What a terminal is told about colours and the cursor. */
const CONTROL = '(?:\\x1b\\[[\\d;?]*[A-Za-z])*';
const PROMPT = new RegExp(`viscript@[\\w.-]+> ${CONTROL}$`);

/** A board that has answered on its serial line. */
export class BootedBoard {
  /** From the start of QEMU to the first answer of the CLI. */
  readonly bootSeconds: number;
  readonly #board: QemuBoard;
  readonly #serial: SerialConsole;
  readonly #key: string;

  /** @param key file of the key that may log in; its public half is in KEY.pub */
  static async start(
    { image, uBoot, diskMiB }: { image: string; uBoot: string; diskMiB?: number },
    key: string,
    credentials: Readonly<Record<string, string>> = {},
  ): Promise<BootedBoard> {
    const start = performance.now();
    const board = await QemuBoard.start({
      ...{ name: 'bench', image, uBoot, credentials, authorizedKeys: `${key}.pub`, paused: true },
      ...(diskMiB === undefined ? {} : { diskMiB }),
    });
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
  async askUntil(command: string, isRight: (text: string) => boolean, withinMs = ANSWER_MS): Promise<void> {
    const end = performance.now() + withinMs;
    for (;;) {
      const { text } = await this.ask(command);
      if (isRight(text)) return;
      if (performance.now() > end) throw new MeasureError(`${command} still answers: ${text}`);
    }
  }

  ssh(user: string, ...command: string[]): Command {
    const target = ['-p', String(this.#board.sshPort), `${user}@127.0.0.1`];
    return { file: 'ssh', args: [...this.#options(), ...target, ...command] };
  }

  /** Arguments of an `scp` that copies a file to the board. */
  scp(file: string, path: string): string[] {
    return [...this.#options(), '-P', String(this.#board.sshPort), file, `admin@127.0.0.1:${path}`];
  }

  #options(): string[] {
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
    return ['-F', 'none', ...options];
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
