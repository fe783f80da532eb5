import type { RescueClient } from './rescue-client.ts';
import { askSecret } from './secret.ts';

/**
 * Asks for the passphrase once more, where there is one, and has the line handed to a shell: this process is then ended
 * from outside, and started again after the shell.
 *
 * @param signal aborted when the line has gone
 */
export async function openShell(
  line: NodeJS.ReadWriteStream,
  guard: RescueClient | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (guard === undefined) throw new Error('there is no shell on this line');
    const isLocked = await guard.isLocked();
    const passphrase = isLocked ? await askSecret(line, 'Passphrase of this console: ', signal) : undefined;
    if (isLocked && (passphrase === undefined || passphrase === '')) return;
    const { verdict, waitMs } = await guard.shell(passphrase);
    const wait = `the next try is in ${Math.ceil(waitMs / 1000)} s`;
    if (verdict === 'right') line.write('The shell comes; the console is back when it ends.\r\n');
    else line.write(`${verdict === 'wrong' ? 'That is not the passphrase' : 'Not looked at'}: ${wait}.\r\n`);
  } catch (error) {
    line.write(`error: ${error instanceof Error ? error.message : String(error)}\r\n`);
  }
}
