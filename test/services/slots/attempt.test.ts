import { describe, expect, it } from 'vitest';
import { reasonOfNote, reasonToPass } from '../../../services/slots/attempt.ts';
import { emptyRecord, type SlotRecord } from '../../../services/slots/record.ts';

const failed = (slot: 'A' | 'B', over: boolean): SlotRecord => ({
  ...emptyRecord(),
  failure: { slot, version: '2.0.0', time: '2026-11-26T12:00:00.000Z', reason: 'no network', over },
});

describe('why a slot was passed over', () => {
  it('is not told of a slot that was not', () => {
    for (const why of [undefined, '', 'state-lost', 'A-used-up', 'XB-used-up'])
      expect(reasonToPass('B', why, failed('B', false), '0 systemd')).toBeUndefined();
  });

  it('is what the slot has said itself, and how far it came when it has said nothing', () => {
    expect(reasonToPass('B', 'B-used-up', failed('B', false), '0 systemd\n')).toBe('no network');
    for (const record of [undefined, emptyRecord(), failed('A', false), failed('B', true)])
      expect(reasonToPass('B', 'B-used-up', record, '0 systemd\n')).toMatch(/its system started/);
  });

  it('is that its files do not load, whatever it has said before', () => {
    expect(reasonToPass('A', 'state-lost,A-not-loaded', failed('A', false), '')).toMatch(/be loaded$/);
  });
});

describe('the note of a start', () => {
  it('tells how far the last one came', () => {
    expect(reasonOfNote('0 initramfs\n')).toMatch(/^its kernel started, and its initramfs did not/);
    expect(reasonOfNote('0 systemd\n')).toMatch(/^its system started/);
    expect(reasonOfNote('0 failed rootB cannot be mounted\n')).toBe('rootB cannot be mounted');
  });

  it('tells of attempts that came later and left none', () => {
    expect(reasonOfNote('1 systemd\n')).toMatch(
      /^its kernel did not start in the last attempt; before that its system/,
    );
    expect(reasonOfNote('2 failed x\n')).toBe(
      'its kernel did not start in the last 2 attempts; before that x',
    );
  });

  it('tells that the kernel did not start when there is none, or it is damaged', () => {
    for (const note of ['', '\n', 'x', '0 nothing', '\uFFFD0 systemd'])
      expect(reasonOfNote(note)).toBe('its kernel did not start, or not as far as its initramfs');
  });
});
