import { open } from 'node:fs/promises';
import type { Launch } from './launch.ts';
import { LineSplitter, maxLineLength } from './line-splitter.ts';
import type { LogFile } from './log-file.ts';
import { type LogLine, parseLogLine } from './log-line.ts';

const pieceBytes = 65_536;
/** Characters before the text of a line, and some more. */
const maxHead = 100;
/** A log file is never longer than this; of one that is, something else has been written into it. */
const mostBytes = 4_194_304;

/** What was kept of an app's output in its files, oldest first, a piece at a time. @throws what the disk says */
export async function* readLog(app: string, file: LogFile): AsyncGenerator<LogLine[]> {
  await file.settled();
  yield* readFile(app, `${file.path}.1`);
  yield* readFile(app, file.path);
}

async function* readFile(app: string, path: string): AsyncGenerator<LogLine[]> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (file === undefined) return;
  try {
    const splitter = new LineSplitter(maxLineLength + maxHead);
    const piece = Buffer.alloc(pieceBytes);
    for (let at = 0; at < mostBytes; ) {
      const { bytesRead } = await file.read(piece, 0, pieceBytes, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield splitter.push(piece.subarray(0, bytesRead)).flatMap((line) => parseLogLine(app, line) ?? []);
    }
  } finally {
    await file.close();
  }
}

/** What launches keep in memory, oldest first. */
export function inMemory(launches: readonly Launch[]): LogLine[] {
  const lines = launches.flatMap(({ id, app, output }) =>
    output.last(Number.POSITIVE_INFINITY).map((line) => ({ ...line, id, app: app.name })),
  );
  return lines.sort((a, b) => a.time - b.time);
}
