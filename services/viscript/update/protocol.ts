import { type Fields, fail, flag, number, optionalText, shape, text } from '../../signal/shape.ts';

/**
 * What viscript asks of the process of a board that fetches and installs updates (image/update/service): JSON-RPC 2.0, one
 * message a line, and nothing else than this:
 * - `update.install` {source, allowDowngrade} → {slot, version}; meanwhile it notifies of `update.progress`. An end of the
 *   connection ends a download; what has come is kept for the next time. An installation goes on to its end.
 * - `update.rollback` {} → {slot}: the next start is of the other slot
 * - `update.state` {} → {running, progress?}
 */
export const updateMethods = {
  install: 'update.install',
  rollback: 'update.rollback',
  state: 'update.state',
  progress: 'update.progress',
} as const;

export interface InstallParams {
  /** Path of a file on the board, or an HTTP URL. */
  source: string;
  allowDowngrade: boolean;
}

export interface Progress {
  /** From 0 to 100, of the step that `step` names. */
  percent: number;
  step: string;
}

export interface Installed {
  slot: string;
  version: string;
}

export interface UpdateState {
  /** What is under way; undefined when nothing is. */
  progress: Progress | undefined;
}

const MAX_SOURCE = 4096;

export const updateShapes = {
  install: shape<InstallParams>((f) => ({
    source: text(f, 'source', MAX_SOURCE),
    allowDowngrade: flag(f, 'allowDowngrade'),
  })),
  installed: shape<Installed>((f) => ({ slot: text(f, 'slot', 8), version: text(f, 'version', 256) })),
  progress: shape<Progress>(progressIn),
  slot: shape((f) => ({ slot: text(f, 'slot', 8) })),
  state: shape<UpdateState>((f) => ({
    progress: optionalText(f, 'step') === undefined ? undefined : progressIn(f),
  })),
};

function progressIn(fields: Fields): Progress {
  const percent = number(fields, 'percent');
  if (percent < 0 || percent > 100) fail('percent', 'a number from 0 to 100');
  return { percent, step: text(fields, 'step', 512) };
}
