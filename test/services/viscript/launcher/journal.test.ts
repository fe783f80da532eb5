import { describe, expect, it } from 'vitest';
import { parseEntry } from '../../../../services/viscript/launcher/journal.ts';

const unit = 'viscript-app@echo.service';
const parse = (fields: object) => parseEntry(JSON.stringify({ __CURSOR: 's=1;i=2', ...fields }));

describe('an entry of the journal', () => {
  it('is a line of the unit that wrote it', () => {
    expect(parse({ MESSAGE: '  two words', _SYSTEMD_UNIT: unit, _PID: '812' })).toEqual({
      cursor: 's=1;i=2',
      unit,
      line: Buffer.from('  two words\n'),
      ended: undefined,
    });
  });

  it('keeps bytes that are not UTF-8', () => {
    expect(parse({ MESSAGE: [0xff, 0x00, 0x41], _SYSTEMD_UNIT: unit })?.line).toEqual(
      Buffer.from([0xff, 0, 0x41, 0x0a]),
    );
  });

  it('has no line feed where journald cut without one', () => {
    expect(parse({ MESSAGE: 'half', _SYSTEMD_UNIT: unit, _LINE_BREAK: 'pid-change' })?.line).toEqual(
      Buffer.from('half'),
    );
    expect(parse({ MESSAGE: 'end', _SYSTEMD_UNIT: unit, _LINE_BREAK: 'eof' })?.line).toEqual(
      Buffer.from('end'),
    );
  });

  it('marks the end of a run only when systemd itself says so', () => {
    const note = {
      MESSAGE_ID: '7ad2d189f7e94e70a38c781354912448',
      INVOCATION_ID: 'abc',
      MESSAGE: 'Deactivated',
    };
    expect(parse({ ...note, _PID: '1' })?.ended).toBe('abc');
    expect(parse({ ...note, _PID: '812', _SYSTEMD_UNIT: unit })?.ended).toBeUndefined();
    expect(parse({ MESSAGE: 'Started', _PID: '1' })?.ended).toBeUndefined();
  });

  it('says of lines that journald has left out how many they are, in the place of the unit’s own', () => {
    const note = {
      MESSAGE: `Suppressed 812 messages from ${unit}`,
      MESSAGE_ID: 'a596d6fe7bfa4994828e72309e95d61e',
    };
    const told = parse({
      ...note,
      _TRANSPORT: 'driver',
      _PID: '77',
      _SYSTEMD_UNIT: 'systemd-journald.service',
    });
    expect(told).toMatchObject({ unit, ended: undefined });
    expect(told?.line.toString()).toBe(
      'viscript: 812 lines dropped: the app writes more than its log takes\n',
    );
    const forged = parse({ ...note, _TRANSPORT: 'stdout', _SYSTEMD_UNIT: unit });
    expect(forged?.line.toString()).toBe(`${note.MESSAGE}\n`);
  });

  it('is nothing else', () => {
    expect(parseEntry('-- No entries --')).toBeUndefined();
    expect(parseEntry('{"MESSAGE":"no cursor"}')).toBeUndefined();
  });
});
