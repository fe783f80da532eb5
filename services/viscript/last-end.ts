import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How the supervisor before this one ended, when that was not as it should. */
export interface LastEnd {
  /** Milliseconds since 1970. */
  time: number;
  reason: string;
}

/**
 * Reads what ExecStopPost= of viscript.service has written into the runtime directory: `RESULT CODE STATUS`, as
 * systemd.exec(5) describes $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS.
 *
 * @returns undefined where there is none, as after a boot and on a laptop, and when it ended because it was told to
 */
export async function readLastEnd(runtimeDirectory: string): Promise<LastEnd | undefined> {
  const file = join(runtimeDirectory, 'last-end');
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(file), readFile(file, 'utf8')]);
    const reason = reasonOf(text);
    return reason === undefined ? undefined : { time: mtimeMs, reason };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** @returns undefined when nothing went wrong */
export function reasonOf(text: string): string | undefined {
  const [result = '', , status = ''] = text.trim().split(' ');
  switch (result) {
    case 'success':
      return undefined;
    case 'watchdog':
      return 'it hung, and its watchdog killed it';
    case 'oom-kill':
      return 'it was killed at its memory limit';
    case 'exit-code':
      return `it exited with code ${status}`;
    case 'signal':
    case 'core-dump':
      return `it was ended by SIG${status}`;
    case 'timeout':
      return 'it did not start or stop in time';
    default:
      return `systemd says: ${result || 'nothing'}`;
  }
}
