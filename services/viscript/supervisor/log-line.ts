import type { OutputLine } from './output.ts';

/** A line of output, and whose it is. */
export interface LogLine extends OutputLine {
  app: string;
  /** The launch; the same number may stand for an earlier launch of another run of the supervisor. */
  id: number;
}

/** Stands in no line: where one is in a log file, a power cut has kept the disk from what was written there. */
const NUL = '\0';
/** Ends a line of which only the beginning came to the disk, so that it is none. */
export const voidLine = `${NUL}\n`;

/**
 * As it stands in a log file: `2026-01-31T12:00:00.000Z ID STREAM TEXT`, and the end of the line. In place of NUL stands
 * its picture.
 */
export function formatLogLine({ time, id, stream, text }: LogLine): string {
  return `${new Date(time).toISOString()} ${id} ${stream} ${text.replaceAll(NUL, '\u2400')}\n`;
}

const format = /^(\S+) (\d+) (stdout|stderr|viscript) (.*)$/s;

/** @returns undefined for what is no line of a log, half of one for example */
export function parseLogLine(app: string, line: string): LogLine | undefined {
  if (line.includes(NUL)) return undefined;
  const [, at = '', id, stream, text = ''] = format.exec(line) ?? [];
  const time = Date.parse(at);
  if (Number.isNaN(time) || !isStream(stream)) return undefined;
  return { app, id: Number(id), time, stream, text };
}

function isStream(word: string | undefined): word is LogLine['stream'] {
  return word === 'stdout' || word === 'stderr' || word === 'viscript';
}
