import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordConfirmed, recordFailure, recordInstalled } from '../../../image/slots/record-file.ts';
import { slotsStatus } from '../../../services/slots/status.ts';
import { slotsText } from '../../../services/viscript/commands/slots-text.ts';
import { temporaryFolder } from '../viscript/support.ts';

const time = new Date('2026-11-26T12:00:00Z');

async function board(version: string) {
  const folder = await temporaryFolder();
  const places = {
    record: join(folder.path, 'slots.json'),
    osRelease: join(folder.path, 'os-release'),
    notes: folder.path,
  };
  await writeFile(places.osRelease, `NAME="Skyminer"\nIMAGE_VERSION="${version}"\n`);
  return { places, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

describe('how it stands with the slots', () => {
  it('is told of a new card', async () => {
    await using new_ = await board('1.0.0-aa');
    const status = await slotsStatus('A', undefined, new_.places);
    expect(status).toEqual({
      ...{ slot: 'A', version: '1.0.0-aa', state: 'trial', passed: undefined, failure: undefined },
      other: { slot: 'B', version: undefined, state: 'unknown' },
    });
    expect(slotsText(status)).toBe('slots: A runs 1.0.0-aa, on trial; B has an unknown version\n');
  });

  it('is told of a board that has fallen back, with why', async () => {
    await using fallen = await board('1.0.0-aa');
    const options = { file: fallen.places.record, time };
    await recordConfirmed('A', '1.0.0-aa', [], options);
    await recordInstalled('B', '2.0.0-bb', { ...options, network: [] });
    await recordFailure('B', 'app node is failing', options);
    const status = await slotsStatus('A', 'B-used-up', fallen.places);
    expect(slotsText(status)).toBe(
      [
        'slots: A runs 1.0.0-aa, confirmed; B has 2.0.0-bb, on trial',
        'slot B was passed over: app node is failing',
        'last failure of a slot: B (2.0.0-bb) at 2026-11-26 12:00:00: app node is failing',
        '',
      ].join('\n'),
    );
  });

  it('takes how far the other slot came from where the initramfs leaves it', async () => {
    await using fallen = await board('1.0.0-aa');
    await writeFile(join(fallen.places.notes, 'attempt-B'), '0 failed rootB cannot be mounted\n');
    expect(await slotsStatus('A', 'B-used-up', fallen.places)).toMatchObject({
      passed: 'rootB cannot be mounted',
    });
  });

  it('takes no slot for confirmed that holds another version than was', async () => {
    await using other = await board('1.0.1-ab');
    await recordConfirmed('A', '1.0.0-aa', [], { file: other.places.record });
    expect(await slotsStatus('A', undefined, other.places)).toMatchObject({ state: 'trial' });
  });
});
