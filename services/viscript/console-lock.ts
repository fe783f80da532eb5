import { existsSync } from 'node:fs';

/**
 * Whether the serial console of this board asks for a passphrase; undefined where there is none. The image names the file
 * (VISCRIPT_CONSOLE_PASSPHRASE), which says so by being there.
 */
export function consoleLock(
  file = process.env.VISCRIPT_CONSOLE_PASSPHRASE,
): 'open' | 'passphrase' | undefined {
  if (file === undefined || file === '') return undefined;
  return existsSync(file) ? 'passphrase' : 'open';
}

/** The same as a line of `status`; empty where there is no serial console. */
export function consoleLockLine(lock: ReturnType<typeof consoleLock>): string {
  if (lock === undefined) return '';
  return lock === 'open'
    ? 'serial console: open, to whoever has its cable\n'
    : 'serial console: asks for its passphrase\n';
}
