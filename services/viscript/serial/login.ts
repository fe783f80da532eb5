import { pause } from '../../signal/pause.ts';
import type { RescueClient } from './rescue-client.ts';
import { askSecret } from './secret.ts';

/** How long to wait before asking again for something that failed for another reason than the passphrase. */
const RETRY_MS = 5000;

/**
 * Asks for the console's passphrase until it is right. What is typed during a wait is thrown away.
 *
 * @param signal aborted when the line has gone, too
 * @returns whether somebody was let in
 */
export async function logIn(
  line: NodeJS.ReadWriteStream,
  rescue: RescueClient,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    if (signal.aborted) return false;
    // The passphrase may have been taken away meanwhile, over SSH.
    if (!(await rescue.isLocked())) return true;
    try {
      await waitOut(line, await rescue.wait(), signal);
      const typed = await askSecret(line, 'Passphrase of this console: ', signal);
      if (typed === undefined) return false;
      if (typed === '') continue;
      const { verdict, waitMs } = await withoutInput(line, rescue.login(typed));
      if (verdict === 'right') return true;
      if (verdict === 'wrong') line.write('That is not the passphrase.\r\n');
      await waitOut(line, waitMs, signal);
    } catch (error) {
      line.write(`No passphrase can be looked at: ${error instanceof Error ? error.message : error}\r\n`);
      await waitOut(line, RETRY_MS, signal);
    }
  }
}

async function waitOut(line: NodeJS.ReadWriteStream, waitMs: number, signal: AbortSignal): Promise<void> {
  if (waitMs <= 0 || signal.aborted) return;
  line.write(`The next try is in ${Math.ceil(waitMs / 1000)} s.\r\n`);
  await withoutInput(line, pause(waitMs, signal));
}

/** Reads and throws away what is typed meanwhile. */
async function withoutInput<T>(line: NodeJS.ReadWriteStream, work: Promise<T>): Promise<T> {
  const drop = () => undefined;
  line.on('data', drop);
  line.resume();
  try {
    return await work;
  } finally {
    line.off('data', drop);
    line.pause();
  }
}
