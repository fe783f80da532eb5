/** The command line asks for something that cannot be; the process ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads a part of the command line.
 * @throws {UsageError} for whatever `read` throws; it begins with `where`, unless that is empty
 */
export function part<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof UsageError || !(cause instanceof Error)) throw cause;
    throw new UsageError(where === '' ? cause.message : `${where}: ${cause.message}`, { cause });
  }
}
