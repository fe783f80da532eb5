/** Longest beginning of a sequence that is kept until its end comes. */
const MAX_TAIL = 64;
const ESC = '\x1b';
/** `CSI ? numbers h` switches modes on, `CSI ? numbers l` off, `ESC c` resets all. */
const MODES = new RegExp(`${ESC}(?:\\[\\?([\\d;]{1,40})([hl])|c)`, 'g');
/** Modes that show the alternate screen. */
const ALTERNATE = new Set(['47', '1047', '1049']);

/**
 * Whatever a sequence that was cut off was to be, it is none any more (CAN, and ST for strings); soft reset, for
 * insert mode, scroll region, origin mode and cursor keys; then each by itself, for terminals that know no soft reset:
 * mouse, focus, bracketed paste, held-back drawing, cursor keys, keypad, line wrap, colours, character sets, shape of
 * the cursor, the cursor itself (xterm's ctlseqs documents them).
 */
const RESET =
  '\x18\x1b\\\x1b[!p\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l' +
  '\x1b[?1015l\x1b[?2004l\x1b[?2026l\x1b[?1l\x1b>\x1b[?7h\x1b[?5l\x1b[0m\x0f\x1b(B\x1b[0 q\x1b[?25h';

/**
 * What programs at the far end of a line have set in this terminal, and how to put it back. Only the alternate screen
 * has to be watched for: leaving it moves the cursor where it was never entered.
 */
export class TerminalModes {
  #tail = '';
  #alternate: string | undefined;

  /** Told everything that is shown, in pieces that are cut anywhere. */
  see(bytes: Uint8Array): void {
    const text = this.#tail + Buffer.from(bytes).toString('latin1');
    for (const [, numbers, end] of text.matchAll(MODES)) {
      if (numbers === undefined) this.#alternate = undefined;
      for (const number of numbers?.split(';') ?? []) {
        if (ALTERNATE.has(number)) this.#alternate = end === 'h' ? number : undefined;
      }
    }
    const last = text.lastIndexOf(ESC);
    this.#tail = last < 0 || text.length - last > MAX_TAIL ? '' : text.slice(last);
  }

  /** What puts the terminal back; from now on nothing is set. */
  reset(): string {
    const leave = this.#alternate === undefined ? '' : `\x18\x1b\\\x1b[?${this.#alternate}l`;
    this.#tail = '';
    this.#alternate = undefined;
    return leave + RESET;
  }
}
