/** Something that writes on a file system whose power is cut, and what it promises of it. */
export interface Writer {
  /**
   * Writes versions 1, 2, 3 … until the signal is aborted. What a version holds follows from its number, so that nothing
   * but the number has to be remembered.
   *
   * @param folder this writer's own, which is there
   * @param kept told of each version that no power cut may take from here on
   */
  write(folder: string, kept: (version: number) => void, signal: AbortSignal): Promise<void>;
  /**
   * Reads what a power cut has left, with the code that reads it on a board.
   *
   * @param folder a copy of the writer's folder; not there when the cut came before it was made
   * @param kept the newest version that must be there; 0 for none
   * @throws {Lost} it is not there, or what is there was never written
   */
  check(folder: string, kept: number): Promise<void>;
}

/** A power cut took what was promised to be there, or left what nobody has written. */
export class Lost extends Error {
  override readonly name = 'Lost';
}

/** @throws {Lost} unless a version is at least as new as what was kept */
export function expectKept(version: number, kept: number, what: string): void {
  if (version < kept) throw new Lost(`${what}: version ${kept} was kept, and version ${version} is there`);
}

/** @throws {Lost} unless two values are equal */
export function expectVersion(found: unknown, expected: unknown, what: string): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other)
    throw new Lost(`${what}: ${shorten(one)} is no version of it, which is ${shorten(other)}`);
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
