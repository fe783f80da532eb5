import { QemuBoard, type QemuBoardOptions, SerialConsole } from '../../image/qemu/index.ts';
import { PROMPT } from '../../image/qemu/prompt.ts';

export type PlugState = 'off' | 'starting' | 'on';

/** Emulation on a busy machine is slow; a board that takes this long hangs. */
const BOOT_MS = 600_000;

/** A board with its plug: pulled it is off at once, whatever it was doing; back in it boots from the same disk. */
export class Plug implements AsyncDisposable {
  readonly #options: QemuBoardOptions;
  #state: PlugState = 'off';
  #board: QemuBoard | undefined;
  /** One thing after the other, however fast somebody presses. */
  #doing: Promise<void> = Promise.resolve();

  /** @param options its disk is kept */
  constructor(options: QemuBoardOptions) {
    this.#options = options;
  }

  get state(): PlugState {
    return this.#state;
  }

  /** Resolves when the board shows its prompt, or was pulled out again. @throws when it does not boot */
  async plugIn(): Promise<void> {
    let booted: Promise<void> | undefined;
    await this.#next(async () => {
      if (this.#board !== undefined) return;
      this.#state = 'starting';
      this.#board = await QemuBoard.start({ ...this.#options, paused: true });
      booted = this.#prompt(this.#board);
    });
    await booted;
  }

  async pull(): Promise<void> {
    await this.#next(async () => {
      const board = this.#board;
      this.#board = undefined;
      this.#state = 'off';
      await board?.kill();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pull();
  }

  #next(work: () => Promise<void>): Promise<void> {
    const done = this.#doing.then(work);
    // Whoever asked is told of a failure; the next one does not depend on it.
    this.#doing = done.catch(() => undefined);
    return done;
  }

  async #prompt(board: QemuBoard): Promise<void> {
    await using line = await SerialConsole.open(board.serial);
    await board.resume();
    try {
      await line.waitFor(PROMPT, { timeoutMs: BOOT_MS });
      if (this.#board === board) this.#state = 'on';
    } catch (error) {
      if (this.#board === board) throw error;
    }
  }
}
