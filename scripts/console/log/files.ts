import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How a log is cut into files, and how many are kept. */
export interface Rotation {
  /** Bytes of a file; it may be longer by one write. */
  maxBytes: number;
  /** Files of a board that are kept, the one that is written among them. */
  keep: number;
}

/** A day's first file is `NAME-YYYY-MM-DD.log`, further ones have a number: `NAME-YYYY-MM-DD.2.log`. */
export interface LogFileName {
  day: string;
  part: number;
}

/** The file that is to be written now. */
export function currentFile(folder: string, name: string, now: Date, { maxBytes }: Rotation): LogFileName {
  const day = now.toISOString().slice(0, 10);
  const last = filesOf(folder, name).findLast((file) => file.day === day);
  if (last === undefined) return { day, part: 1 };
  const { size } = statSync(pathOf(folder, name, last));
  return size < maxBytes ? last : { day, part: last.part + 1 };
}

/** Removes the oldest files of a board, so that with the one that is to be made there are as many as are kept. */
export function removeOldest(folder: string, name: string, next: LogFileName, { keep }: Rotation): void {
  const others = filesOf(folder, name).filter(({ day, part }) => day !== next.day || part !== next.part);
  for (const file of others.slice(0, Math.max(0, others.length - keep + 1)))
    rmSync(pathOf(folder, name, file), { force: true });
}

export function pathOf(folder: string, name: string, { day, part }: LogFileName): string {
  return join(folder, `${name}-${day}${part === 1 ? '' : `.${part}`}.log`);
}

/** A port's name as a part of a file name. */
export function fileNameOf(label: string): string {
  return label
    .replace(/^\/+/, '')
    .replaceAll(/[^\w.:@-]+/g, '_')
    .replace(/^\.+/, '_')
    .slice(-100);
}

/** A board's files, the oldest first. */
function filesOf(folder: string, name: string): LogFileName[] {
  const found: LogFileName[] = [];
  for (const entry of readdirSync(folder)) {
    if (!entry.startsWith(`${name}-`)) continue;
    const [, day, part = '1'] =
      /^(\d{4}-\d\d-\d\d)(?:\.(\d{1,9}))?\.log$/.exec(entry.slice(name.length + 1)) ?? [];
    if (day !== undefined) found.push({ day, part: Number(part) });
  }
  return found.sort((one, other) => one.day.localeCompare(other.day) || one.part - other.part);
}
