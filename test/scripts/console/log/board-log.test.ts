import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoardLog } from '../../../../scripts/console/log/board-log.ts';
import { LineText } from '../../../../scripts/console/log/line-text.ts';

let folder: string;
const troubles: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-'));
  troubles.length = 0;
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function open(label: string, maxBytes = 1_000_000, keep = 3): BoardLog {
  return new BoardLog({
    folder,
    label,
    rotation: { maxBytes, keep },
    onTrouble: (text) => troubles.push(text),
  });
}

async function onlyFile(): Promise<string> {
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return readFile(join(folder, names[0] ?? ''), 'utf8');
}

describe('BoardLog', () => {
  it('writes a line as soon as it ends, with its time, and the rest when it is closed', async () => {
    const log = open('node3');
    log.add(Buffer.from('U-Boot 2025.01\r\nHit any '));
    expect(await onlyFile()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z U-Boot 2025\.01\n$/);
    log.add(Buffer.from('key'));
    log.close();
    expect(await onlyFile()).toMatch(/Z Hit any key\n$/);
  });

  it('has one file a board and day, whose name leads out of no folder', async () => {
    const log = open('/dev/../etc/ttyUSB0');
    log.add(Buffer.from('x\n'));
    log.close();
    expect(await readdir(folder)).toEqual([
      expect.stringMatching(/^dev_\.\._etc_ttyUSB0-\d{4}-\d\d-\d\d\.log$/),
    ]);
  });

  it('keeps nothing that steers a terminal', async () => {
    const log = open('node1');
    log.add(
      Buffer.from('\x1b[31mred\x1b[0m \x1b]0;title\x07bell\x07 \x00\xff\u202e10%\r20%\r30%\r\n', 'latin1'),
    );
    log.add(Buffer.from('a\u202eb\n'));
    log.close();
    const text = await onlyFile();
    expect(text).toMatch(/^[^\p{Cc}\u202e]*\n[^\p{Cc}\u202e]*\n$/u);
    expect(text).toContain('red bell');
    expect(text).toContain('10%\\r20%\\r30%');
    expect(text).toContain('a<U+202E>b');
  });

  it('stays within its bounds: the newest files are kept, and those of other boards', async () => {
    await writeFile(join(folder, 'node1-2020-01-01.log'), 'old\n');
    await writeFile(join(folder, 'node10-2020-01-01.log'), "another's\n");
    await writeFile(join(folder, 'node1-notes.txt'), "the owner's\n");
    const log = open('node1', 100, 3);
    for (let line = 0; line < 50; line++) log.add(Buffer.from(`line ${line} of a board that says much\n`));
    log.close();
    const names = await readdir(folder);
    expect(names).toContain('node10-2020-01-01.log');
    expect(names).toContain('node1-notes.txt');
    const own = names.filter((name) => /^node1-\d.*\.log$/.test(name)).sort();
    expect(own).toHaveLength(3);
    const text = (await Promise.all(own.map((name) => readFile(join(folder, name), 'utf8')))).join('');
    expect(text).toContain('line 49 ');
    expect(text).not.toContain('line 1 ');
    expect(text.length).toBeLessThan(3 * 200);
  });

  it('goes on in the file of the day, behind a line that a crash has cut', async () => {
    const log = open('node1');
    log.add(Buffer.from('first\n'));
    log.close();
    const [name = ''] = await readdir(folder);
    const whole = await readFile(join(folder, name), 'utf8');
    await writeFile(join(folder, name), `${whole}2026-01-01T00:0`);
    const next = open('node1');
    next.add(Buffer.from('second\n'));
    next.close();
    expect(await onlyFile()).toMatch(/Z first\n2026-01-01T00:0\n\S+Z second\n$/);
  });

  it('says that a disk takes nothing, and goes on', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const log = new BoardLog({
      ...{ folder: join(file, 'below'), label: 'node1', rotation: { maxBytes: 1000, keep: 2 } },
      onTrouble: (text) => troubles.push(text),
    });
    log.add(Buffer.from('one\ntwo\n'));
    log.add(Buffer.from('three\n'));
    log.close();
    expect(troubles).toEqual([expect.stringContaining('the log cannot be written: ENOTDIR')]);
  });
});

describe('LineText', () => {
  it('cuts a line that never ends', () => {
    const text = new LineText();
    const lines = text.add(Buffer.alloc(1_000_000, 'y'));
    expect(Math.max(...lines.map((line) => line.length))).toBe(4096);
    expect(text.unfinished.length).toBeLessThanOrEqual(4096);
  });

  it('puts characters together that come in pieces', () => {
    const text = new LineText();
    const bytes = Buffer.from('grün ✓\n');
    expect(Array.from(bytes).flatMap((byte) => text.add(Buffer.of(byte)))).toEqual(['grün ✓']);
  });
});
