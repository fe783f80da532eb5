/** Rows under a head, columns padded to the widest cell. The last column is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
  return [head, ...rows].map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** Bytes as `512 B`, `1.5 KiB`, `42.0 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A duration in milliseconds as `850µs`, `12.34ms`, `1.50s`. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds < 1) return `${Math.round(milliseconds * 1000)}µs`;
  return milliseconds < 1000 ? `${milliseconds.toFixed(2)}ms` : `${(milliseconds / 1000).toFixed(2)}s`;
}

const styles = { bold: '1', red: '31', green: '32', yellow: '33', dim: '2' } as const;

export function styled(text: string, style: keyof typeof styles, color: boolean): string {
  return color ? `\x1b[${styles[style]}m${text}\x1b[0m` : text;
}

/** Puts text that an app wrote onto a terminal without letting it move the cursor or change the terminal's state. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
  return text.replace(/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[[\d;]*m)/g, '�');
}

/** One line of JSON in which nothing steers a terminal either: JSON leaves the control characters above 0x7f as they are. */
export function jsonLine(data: unknown): string {
  const escaped = (character: string) => `\\u00${character.charCodeAt(0).toString(16)}`;
  return `${JSON.stringify(data).replaceAll(/[\x7f-\x9f]/g, escaped)}\n`;
}
