import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { Step, Steps } from '../steps.ts';
import { QemuBoard, type QemuBoardOptions } from './board.ts';
import { IN_SERVICE } from './prompt.ts';
import { SerialConsole } from './serial-console.ts';
import { Silence } from './silence.ts';

/** Several boards on few cores are slow, and a kernel says little; one that is silent for so long hangs. */
const SILENT_MS = 600_000;
/** One that takes so long, whatever it says, starts again and again. */
const BOOT_MS = 1_800_000;

/** A board that is in service. */
export interface Booted extends AsyncDisposable {
  board: QemuBoard;
  /** Its serial line, at the prompt. */
  line: SerialConsole;
}

export interface BootOptions {
  /** Of the step. */
  title: string;
  steps: Steps;
  /** Aborting it gives up. */
  signal: AbortSignal;
  machine: QemuBoardOptions;
}

/**
 * Boots a board, as one step, until it is in service. What it says meanwhile is the step's log.
 *
 * @throws StepError when it does not boot; nothing of it then runs
 */
export function bootBoard({ title, steps, signal, machine }: BootOptions): Promise<Booted> {
  return steps.step(
    title,
    'Read the log: it holds all the board said since it was switched on. Then build the image again.',
    async (step) => {
      await using stack = new AsyncDisposableStack();
      const board = stack.use(await QemuBoard.start({ ...machine, paused: true }));
      await using boot = await SerialConsole.open(board.console);
      const line = stack.use(await SerialConsole.open(board.serial));
      await using _log = keepLog(step, boot);
      await board.resume();
      await inService(board, { boot, line }, { signal, wasSaved: machine.snapshot !== undefined });
      const kept = stack.move();
      return { board, line, [Symbol.asyncDispose]: () => kept.disposeAsync() };
    },
  );
}

/** Waits for the prompt; a board that goes on from a snapshot shows it only when asked. */
async function inService(
  board: QemuBoard,
  { boot, line }: { boot: SerialConsole; line: SerialConsole },
  { signal, wasSaved }: { signal: AbortSignal; wasSaved: boolean },
): Promise<void> {
  if (wasSaved) await line.write('\r');
  const ended = board.exited.then((status) => {
    throw new Error(`${board.name}: QEMU ended while the board was booting (status ${status})`);
  });
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  signal.throwIfAborted();
  using silence = new Silence(SILENT_MS);
  const stop = [boot, line].map((each) => each.listen(silence.heard));
  try {
    await Promise.race([line.waitFor(IN_SERVICE, { timeoutMs: BOOT_MS }), ended, aborted, silence.over]);
  } finally {
    for (const each of stop) each();
  }
}

/** Writes what the board says while it boots to the step's log. */
function keepLog(step: Step, boot: SerialConsole): AsyncDisposable {
  const log = createWriteStream(step.log, { flags: 'a' });
  const stop = boot.listen((data) => log.write(data));
  return {
    async [Symbol.asyncDispose]() {
      stop();
      log.end();
      await finished(log);
    },
  };
}
