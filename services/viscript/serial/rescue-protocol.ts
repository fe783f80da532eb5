import { type Fields, fail, number, optionalText, shape, text } from '../../signal/shape.ts';

/**
 * What the serial console asks of the one process of a board that has rights and serves it (image/console): JSON-RPC 2.0,
 * one message a line. These four, and nothing else:
 * - `rescue.wait` {line} → {waitMs}: how long no passphrase is looked at on this line
 * - `rescue.login` {line, passphrase} → {verdict, waitMs}
 * - `rescue.shell` {line, passphrase?} → {verdict, waitMs}; `right`: the console ends, and the shell has the line
 * - `rescue.other-slot` {} → {slot}: the one that the next start takes
 */

/** `wait`: it was not looked at. */
export type Verdict = 'right' | 'wrong' | 'wait';

export interface LineParams {
  /** The serial device's name below /dev. */
  line: string;
}

export interface LoginParams extends LineParams {
  passphrase: string;
}

export interface ShellParams extends LineParams {
  /** Left out where the board has none. */
  passphrase?: string | undefined;
}

export interface LoginAnswer {
  verdict: Verdict;
  /** Milliseconds until a passphrase is looked at again. */
  waitMs: number;
}

/** Characters of a passphrase at most. */
export const MAX_PASSPHRASE = 1024;

export const rescueShapes = {
  line: shape<LineParams>((f) => ({ line: lineName(f) })),
  login: shape<LoginParams>((f) => ({
    line: lineName(f),
    passphrase: text(f, 'passphrase', MAX_PASSPHRASE),
  })),
  shell: shape<ShellParams>((f) => ({
    line: lineName(f),
    passphrase: f.passphrase === undefined ? undefined : text(f, 'passphrase', MAX_PASSPHRASE),
  })),
  wait: shape((f) => ({ waitMs: number(f, 'waitMs') })),
  answer: shape<LoginAnswer>((f) => ({ verdict: verdict(f), waitMs: number(f, 'waitMs') })),
  slot: shape((f) => ({ slot: optionalText(f, 'slot') ?? '?' })),
};

/** It becomes part of a unit's name. */
function lineName(fields: Fields): string {
  const name = text(fields, 'line');
  return /^[A-Za-z][A-Za-z0-9]{0,31}$/.test(name) ? name : fail('line', 'the name of a serial device');
}

function verdict({ verdict: value }: Fields): Verdict {
  return value === 'right' || value === 'wrong' || value === 'wait' ? value : fail('verdict', 'a verdict');
}
