import { QemuBoard, type QemuBoardOptions, SerialConsole } from '../../../image/qemu/index.ts';

/** Firmware of the package u-boot-qemu; with no system on the disk it stops at a prompt of its own. */
export const U_BOOT = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';
const DEADLINE = { timeoutMs: 90_000 };

/** A small board that stands at U-Boot's prompt: a real machine with two lines, for tests that need no system. */
export class UBoot {
  readonly board: QemuBoard;
  readonly line: SerialConsole;

  private constructor(board: QemuBoard, line: SerialConsole) {
    this.board = board;
    this.line = line;
  }

  static async start(options: Partial<QemuBoardOptions> = {}): Promise<UBoot> {
    const board = await QemuBoard.start({
      name: 'u-boot',
      uBoot: U_BOOT,
      memoryMiB: 128,
      ...options,
      paused: true,
    });
    const line = await SerialConsole.open(board.console);
    await board.resume();
    await line.waitFor(/Hit any key/, DEADLINE);
    await line.write(' ');
    await line.waitFor(/=> /, DEADLINE);
    return new UBoot(board, line);
  }

  /** Runs one line of U-Boot's language and returns what it printed. */
  async run(command: string): Promise<string> {
    await this.line.write(`${command}\r`);
    const text = await this.line.waitFor(/\n=> /, DEADLINE);
    return text.replace(/\r/g, '').split('\n').slice(1, -1).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.line.close();
    await this.board.kill();
  }
}
