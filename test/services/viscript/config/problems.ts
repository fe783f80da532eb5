import { InvalidFile, parseConfig } from '../../../../services/viscript/config/index.ts';

/** The lines of the error that this text gives; fails when it gives none. */
export function problemsIn(text: string): string[] {
  return errorOf(text).message.split('\n');
}

export function errorOf(text: string): InvalidFile {
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    if (error instanceof InvalidFile) return error;
    throw error;
  }
  throw new Error(`no problem was found in: ${text}`);
}
