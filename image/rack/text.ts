import { InvalidFile, readText } from '../../services/yaml/index.ts';
import { isMissing } from '../files.ts';

/** More than the longest list of members. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The text of a file of a rack's folder.
 *
 * @returns undefined when it is not there
 * @throws {InvalidFile} when it is no file, too long or no text
 */
export async function textIfThere(file: string): Promise<string | undefined> {
  try {
    return await readText(file, MAX_BYTES);
  } catch (error) {
    if (error instanceof InvalidFile && isMissing(error.cause)) return undefined;
    throw error;
  }
}
