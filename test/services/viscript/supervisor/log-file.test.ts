import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLog } from '../../../../services/viscript/supervisor/kept-log.ts';
import { LogFile } from '../../../../services/viscript/supervisor/log-file.ts';
import {
  formatLogLine,
  type LogLine,
  parseLogLine,
} from '../../../../services/viscript/supervisor/log-line.ts';
import { temporaryFolder } from '../support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let errors: Error[];
let file: LogFile;

beforeEach(async () => {
  folder = await temporaryFolder();
  errors = [];
  file = new LogFile(join(folder.path, 'log', 'app.log'), (error) => errors.push(error));
});

afterEach(async () => {
  await file.close();
  await folder[Symbol.asyncDispose]();
});

function line(text: string, id = 1): LogLine {
  return { app: 'app', id, time: 1_764_000_000_123, stream: 'stdout', text };
}

async function kept(): Promise<LogLine[]> {
  const lines = [];
  for await (const piece of readLog('app', file)) lines.push(...piece);
  return lines;
}

describe('the log file of an app', () => {
  it('gives back what was written, in order', async () => {
    const lines = [line('first é'), { ...line('second', 2), stream: 'stderr' as const }, line('')];
    for (const each of lines) file.write(each);
    expect(await kept()).toEqual(lines);
  });

  it('goes on where an earlier run has ended', async () => {
    file.write(line('before'));
    await file.close();
    file.write(line('after'));
    expect((await kept()).map(({ text }) => text)).toEqual(['before', 'after']);
  });

  it('shows no line of which a power cut has left a part, and loses none after it', async () => {
    const whole = formatLogLine(line('whole'));
    const [half, zeros] = [whole.slice(0, -4), '\0'.repeat(100)];
    await mkdir(join(folder.path, 'log'));
    await writeFile(file.path, `${whole}${half}${zeros}${whole}${whole}${half}`);
    file.write(line('after'));
    expect((await kept()).map(({ text }) => text)).toEqual(['whole', 'whole', 'after']);
    await file.close();
    file.write(line('and again'));
    expect((await kept()).map(({ text }) => text)).toEqual(['whole', 'whole', 'after', 'and again']);
  });

  it('is bounded, however much is written, and keeps the newest lines', async () => {
    for (let count = 0; count < 300; count++) {
      for (let each = 0; each < 20; each++) file.write(line(`${count}.${each} ${'x'.repeat(2000)}`));
      await file.settled();
    }
    const sizes = await Promise.all(
      (await readdir(join(folder.path, 'log'))).map(
        async (name) => (await stat(join(folder.path, 'log', name))).size,
      ),
    );
    expect(sizes).toHaveLength(2);
    expect(Math.max(...sizes)).toBeLessThan(1_048_576 + 65_536 + 16_384);
    const lines = await kept();
    expect(lines.at(-1)?.text.startsWith('299.19 ')).toBe(true);
    expect(lines.length).toBeGreaterThan(500);
  });

  it('drops and counts what comes faster than the disk takes it', async () => {
    for (let count = 0; count < 3000; count++) file.write(line('x'.repeat(1000)));
    await file.settled();
    file.write(line('later'));
    const lines = await kept();
    const written = lines.filter(({ text }) => text.startsWith('xxx')).length;
    expect(lines.at(-2)?.text).toBe(`viscript: ${3000 - written} lines dropped: the disk did not take them`);
    expect(written).toBeGreaterThan(500);
  });

  it('survives a disk that takes nothing, and says so once', async () => {
    await writeFile(join(folder.path, 'log'), 'in the way of the folder');
    for (let count = 0; count < 100; count++) file.write(line(`line ${count}`));
    await file.settled();
    file.write(line('still nothing'));
    await file.settled();
    expect(errors).toHaveLength(1);
    expect(file.works).toBe(false);
  });

  it('says what the disk did not take once it takes lines again', async () => {
    await writeFile(join(folder.path, 'log'), 'in the way of the folder');
    const clock = performance.now.bind(performance);
    file.write(line('lost'));
    await file.settled();
    await rm(join(folder.path, 'log'));
    await mkdir(join(folder.path, 'log'));
    performance.now = () => clock() + 60_000;
    try {
      file.write(line('kept'));
      await file.settled();
    } finally {
      performance.now = clock;
    }
    const text = await readFile(file.path, 'utf8');
    expect(text).toMatch(/ 1 viscript viscript: 1 lines dropped: [^\n]*\n[^\n]* 1 stdout kept\n$/);
  });
});

describe('a line of a log file', () => {
  it('is read as it was written, whatever an app says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(), (raw, id) => {
        const text = raw.replaceAll(/[\n\r]/g, '');
        const read = line(text.replaceAll('\0', '␀'), id);
        expect(parseLogLine('app', formatLogLine(line(text, id)).slice(0, -1))).toEqual(read);
      }),
    );
  });

  it('is nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseLogLine('app', text)).toBeUndefined();
      }),
    );
    expect(parseLogLine('app', '2026-01-31T12:00:00.000Z 1 stdou')).toBeUndefined();
    expect(parseLogLine('app', 'yesterday 1 stdout text')).toBeUndefined();
  });
});
