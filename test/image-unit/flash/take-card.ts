import type { PtyProgram } from '../../services/viscript/terminal/pty-program.ts';
import type { LoopDevice } from './loop-device.ts';

const PATIENCE_MS = 90_000;

/** Says at a `skyminer flash` that asks for cards in turn that this is a board's. Cards that other tests put in are not wanted. */
export async function takeCard(terminal: PtyProgram, card: LoopDevice, board: string): Promise<void> {
  for (;;) {
    const shown = await terminal.transcript.waitFor(
      /Type node\d to write, anything else for another card: /,
      PATIENCE_MS,
    );
    const isOurs = new RegExp(`^${card.path} `, 'm').test(shown.slice(shown.lastIndexOf('DRIVE')));
    terminal.type(isOurs ? `${board}\n` : 'other\n');
    if (isOurs) return;
  }
}
