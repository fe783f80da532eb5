import type { Drive } from '../../../image/flash/drives/drive.ts';
import type { Outcome } from '../../../image/flash/outcome.ts';
import { printable, table } from '../../../services/viscript/commands/format.ts';

/** `skyminer flash --list`. */
export function driveTable(drives: readonly Drive[]): string {
  return table(
    ['DRIVE', 'SIZE', 'MODEL', 'SERIAL', 'BY', ''],
    drives.map((drive) => [...cellsOf(drive), drive.refusal ?? mountedAt(drive)]),
  );
}

/** What will be lost, and to whom each card goes. */
export function lossTable(drives: readonly Drive[], boards: readonly string[]): string {
  return table(
    ['DRIVE', 'SIZE', 'MODEL', 'SERIAL', 'BY', 'BOARD', ''],
    drives.map((drive, index) => [...cellsOf(drive), boards[index] ?? '–', mountedAt(drive)]),
  );
}

/** What became of the cards. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  return table(
    ['DRIVE', 'BOARD', 'RESULT', 'WRITTEN', 'READ BACK', ''],
    outcomes.map(({ target, state, problem, left, bytes, seconds }) => [
      target.card.path,
      target.board?.settings.board ?? '–',
      state,
      state === 'done' ? speed(bytes, seconds.write) : '–',
      state === 'done' ? speed(bytes, seconds['read back']) : '–',
      state === 'done' ? '' : `${printable(problem ?? '')}: ${LEFT[left]}`,
    ]),
  );
}

const LEFT: Record<Outcome['left'], string> = {
  whole: 'it has everything',
  untouched: 'nothing was written to it',
  wiped: 'it does not boot, and has lost what was on it',
  unknown: 'it may boot: do not use it before it was written anew',
};

function cellsOf({ disk: { identity, model, transport } }: Drive): string[] {
  return [
    identity.path,
    gigabytes(identity.size),
    ...[model ?? '–', identity.serial ?? '–'].map(printable),
    transport,
  ];
}

function mountedAt({ mounts }: Drive): string {
  return mounts.length === 0 ? '' : printable(`mounted at ${mounts.join(', ')}`);
}

function gigabytes(bytes: number): string {
  return bytes === 0 ? '–' : `${(bytes / 1e9).toFixed(bytes < 1e10 ? 2 : 1)} GB`;
}

function speed(bytes: number, seconds: number): string {
  return `${(bytes / 1e6 / Math.max(seconds, 1e-3)).toFixed(1)} MB/s`;
}
