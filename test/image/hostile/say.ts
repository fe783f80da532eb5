import { writeSync } from 'node:fs';
import { constants } from 'node:os';

/** Writes a line at once, for the next moment may be the app's last. */
export function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** What the kernel, a program or the other side said to a refused attempt. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return nameOf(error) ?? ('code' in error ? String(error.code) : `${error.name}: ${error.message}`);
}

/** Node.js has no name for some numbers, EDQUOT among them. */
function nameOf(error: NodeJS.ErrnoException): string | undefined {
  return Object.entries(constants.errno).find(([, number]) => number === -(error.errno ?? 0))?.[0];
}
