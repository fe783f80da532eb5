import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  recordConfirmed,
  recordFailure,
  recordInstalled,
  recordRollback,
} from '../../../image/slots/record-file.ts';
import { emptyRecord, readRecord } from '../../../services/slots/record.ts';
import { temporaryFolder } from '../../services/viscript/support.ts';

const time = new Date('2026-11-26T12:00:00Z');
const then = time.toISOString();

async function recordFile(): Promise<{ file: string } & AsyncDisposable> {
  const folder = await temporaryFolder();
  return {
    file: join(folder.path, 'system/slots.json'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe('what a board remembers of its slots', () => {
  it('has a new version on trial until it is confirmed, and keeps the other slot as it was', async () => {
    await using place = await recordFile();
    const options = { file: place.file, time };
    await recordConfirmed('A', '1.0.0-aa', [], options);
    await recordInstalled('B', '2.0.0-bb', { ...options, network: ['eth0'] });
    const a = { version: '1.0.0-aa', confirmed: then, installed: undefined };
    const b = { version: '2.0.0-bb', confirmed: undefined, installed: then };
    expect(await readRecord(place.file)).toEqual({
      ...emptyRecord(),
      slots: { A: a, B: b },
      network: ['eth0'],
    });
    await recordConfirmed('B', '2.0.0-bb', [], options);
    expect(await readRecord(place.file)).toEqual({
      ...emptyRecord(),
      slots: { A: a, B: { ...b, confirmed: then } },
    });
  });

  it('takes what was confirmed back when another version is put there', async () => {
    await using place = await recordFile();
    await recordConfirmed('A', '1.0.0-aa', [], place);
    await recordInstalled('A', '1.0.1-ab', { ...place, network: [] });
    expect((await readRecord(place.file))?.slots.A).toMatchObject({
      version: '1.0.1-ab',
      confirmed: undefined,
    });
    await recordInstalled('A', undefined, place);
    expect((await readRecord(place.file))?.slots).toEqual({});
  });

  it('keeps why a slot failed, with its version, until it proves good or holds another one', async () => {
    await using place = await recordFile();
    const options = { file: place.file, time };
    await recordInstalled('B', '2.0.0-bb', { ...options, network: ['eth0'] });
    await recordFailure('B', 'no network:\n\x1b[31mno address', options);
    const failure = {
      ...{ slot: 'B', version: '2.0.0-bb', time: then },
      reason: 'no network: [31mno address',
    };
    expect((await readRecord(place.file))?.failure).toEqual({ ...failure, over: false });
    await recordConfirmed('A', '1.0.0-aa', [], options);
    expect((await readRecord(place.file))?.failure).toEqual({ ...failure, over: false });
    await recordInstalled('B', '2.0.1-bc', options);
    expect((await readRecord(place.file))?.failure).toEqual({ ...failure, over: true });
    await recordRollback('B', options);
    expect((await readRecord(place.file))?.failure).toMatchObject({
      version: '2.0.1-bc',
      reason: 'rolled back by hand',
      over: true,
    });
  });

  it('bounds a reason', async () => {
    await using place = await recordFile();
    await recordFailure('A', 'x'.repeat(100_000), place);
    expect((await readRecord(place.file))?.failure?.reason).toMatch(/^x{599}…$/);
  });

  it('can be read by everybody, and is written by its owner alone', async () => {
    await using place = await recordFile();
    await recordFailure('A', 'why', place);
    expect((await stat(place.file)).mode & 0o777).toBe(0o644);
  });

  it('has the version and what it was confirmed for beside each other, where the initramfs looks', async () => {
    await using place = await recordFile();
    await recordInstalled('B', '2.0.0-bb', place);
    await recordConfirmed('A', '1.0.0-aa', [], place);
    const text = await readFile(place.file, 'utf8');
    expect(text).toContain('"A":{"version":"1.0.0-aa","confirmed":"');
    expect(text).not.toContain('"B":{"version":"2.0.0-bb","confirmed"');
  });

  it('takes nothing for the version of an image that the initramfs could misread', async () => {
    await using place = await recordFile();
    for (const version of ['', '1.0 "', '*', 'x'.repeat(65)])
      await expect(recordInstalled('A', version, place)).rejects.toThrow(/not the version/);
  });

  it('is as good as lost when it is damaged, and begins anew', async () => {
    await using place = await recordFile();
    await recordFailure('A', 'why', place);
    for (const damaged of ['', '{', '[]', '{"slots":{},"network":[1]}', `{"x":"${'x'.repeat(20_000)}"}`]) {
      await writeFile(place.file, damaged);
      expect(await readRecord(place.file)).toBeUndefined();
    }
    await recordConfirmed('A', '1.0.0-aa', [], place);
    expect((await readRecord(place.file))?.slots.A?.version).toBe('1.0.0-aa');
  });
});
