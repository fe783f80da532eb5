import xterm from '@xterm/headless';

/** A terminal as a person sees it: a real emulator fed with what was written to the line. */
export class VirtualScreen {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;

  constructor(columns = 80, rows = 24) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
  }

  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve));
  }

  /** Rows from the first one written to the last, without blanks at their ends and empty rows at the end. */
  get rows(): string[] {
    const { active } = this.#terminal.buffer;
    const rows = Array.from(
      { length: active.length },
      (_, y) => active.getLine(y)?.translateToString(true) ?? '',
    );
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }

  get lastRow(): string {
    return this.rows.at(-1) ?? '';
  }

  /** What stands in the cursor's row before the cursor, and from it on. */
  get cursorRow(): { before: string; after: string } {
    const { active } = this.#terminal.buffer;
    const row = active.getLine(active.baseY + active.cursorY);
    return {
      before: row?.translateToString(false, 0, active.cursorX) ?? '',
      after: row?.translateToString(true, active.cursorX) ?? '',
    };
  }
}
