import { isUtf8 } from 'node:buffer';
import { constants, open } from 'node:fs/promises';
import { InvalidFile } from './errors.ts';

/**
 * The text of a file.
 *
 * @throws {InvalidFile} when it cannot be read, is no regular file, is larger than `maxBytes` or no UTF-8
 */
export async function readText(file: string, maxBytes: number): Promise<string> {
  return decode(await readBounded(file, maxBytes), file);
}

async function readBounded(file: string, maxBytes: number): Promise<Buffer> {
  try {
    // Opening a pipe waits for its writer, and a device might never end.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await handle.stat();
    if (!status.isFile()) throw InvalidFile.whole(file, 'is not a regular file');
    if (status.size > maxBytes) throw InvalidFile.whole(file, `is larger than ${maxBytes} bytes`);
    return await handle.readFile();
  } catch (error) {
    if (error instanceof InvalidFile) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw InvalidFile.whole(file, `cannot be read: ${reason}`, error);
  }
}

function decode(bytes: Buffer, file: string): string {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes)) return text;
  const encoded = Buffer.from(text);
  const wrong = bytes.findIndex((byte, index) => byte !== encoded[index]);
  const before = bytes.toString('utf8', 0, wrong).split('\n');
  const column = (before.at(-1) ?? '').length + 1;
  throw new InvalidFile([{ file, line: before.length, column, message: 'not text in UTF-8' }]);
}
