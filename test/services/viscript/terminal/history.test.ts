import { appendFile, chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { History, HistoryError } from '../../../../services/viscript/terminal/history.ts';

describe('History', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'history-'));
    file = join(folder, 'state', 'history');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('keeps lines across terminals, for their owner alone', async () => {
    const history = await History.open(file);
    await history.add('start a');
    await history.add('ping 1');
    expect((await History.open(file)).entries).toEqual(['start a', 'ping 1']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o700);
  });

  it('keeps neither repeated lines nor those that begin with a blank', async () => {
    const history = await History.open(file);
    for (const line of ['la', 'la', ' start secret', '', 'la -f', 'la']) await history.add(line);
    expect(history.entries).toEqual(['la', 'la -f', 'la']);
    expect(await readFile(file, 'utf8')).toBe('la\nla -f\nla\n');
  });

  it('is shared by several terminals, none of which loses lines of another', async () => {
    const terminals = await Promise.all(Array.from({ length: 5 }, () => History.open(file)));
    const adding = terminals.flatMap((history, n) =>
      Array.from({ length: 20 }, (_, i) => history.add(`t${n} ${i}`)),
    );
    await Promise.all(adding);
    const { entries } = await History.open(file);
    expect(entries).toHaveLength(100);
    expect(entries.filter((line) => line.startsWith('t3'))).toEqual(
      Array.from({ length: 20 }, (_, i) => `t3 ${i}`),
    );
  });

  it('leaves out a torn last line, then and later', async () => {
    await (await History.open(file)).add('whole');
    await appendFile(file, Buffer.from([0x70, 0x69, 0xc3]));
    const history = await History.open(file);
    expect(history.entries).toEqual(['whole']);
    await history.add('next');
    expect((await History.open(file)).entries).toEqual(['whole', 'next']);
  });

  it('is not disturbed by zeros that a power cut left', async () => {
    await (await History.open(file)).add('whole');
    await appendFile(file, `${'\0'.repeat(4096)}\nlater\n`);
    expect((await History.open(file)).entries).toEqual(['whole', 'later']);
  });

  it('stays bounded and keeps the newest lines', async () => {
    const history = await History.open(file, 10);
    for (let n = 0; n < 57; n += 1) await history.add(`line ${n}`);
    expect(history.entries).toHaveLength(10);
    expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThanOrEqual(11);
    const again = await History.open(file, 10);
    expect(again.entries).toEqual(Array.from({ length: 10 }, (_, n) => `line ${47 + n}`));
  });

  it('says once that it cannot be written and goes on in memory', async () => {
    const history = await History.open(file);
    await rm(join(folder, 'state'), { recursive: true });
    await expect(history.add('one')).rejects.toThrow(HistoryError);
    await expect(history.add('two')).resolves.toBeUndefined();
    expect(history.entries).toEqual(['one', 'two']);
  });

  it('says so when what is there is no history', async () => {
    await writeFile(join(folder, 'state'), '');
    await expect(History.open(file)).rejects.toThrow(/cannot read the history .*state\/history/);
    await chmod(join(folder, 'state'), 0o600);
  });
});
