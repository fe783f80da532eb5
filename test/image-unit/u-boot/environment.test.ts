import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ImageError } from '../../../image/error.ts';
import {
  changeEnvironment,
  type EnvironmentChanges,
  readEnvironment,
  requireClosedPrompt,
} from '../../../image/u-boot/environment.ts';

const CODE = 'no=variable here\0\0%s%d\0';
const variables = 'bootcmd=run it\0bootdelay=2\0spare=aaaaaaaaaaaaaaaaaaaaaaaa\0last=x\0';
const uBoot = Buffer.from(`${CODE}${variables}\0more code\0`, 'latin1');

describe('the environment compiled into U-Boot', () => {
  it('is changed in its place, and nothing round it', () => {
    const changes = { bootdelay: '-2', bootcmd: 'run it; reset', spare: null };
    const changed = changeEnvironment(uBoot, changes);
    expect(changed).toHaveLength(uBoot.length);
    expect(Object.fromEntries(readEnvironment(changed))).toEqual({
      bootcmd: 'run it; reset',
      bootdelay: '-2',
      last: 'x',
    });
    const { length } = variables;
    expect(changed.subarray(0, CODE.length)).toEqual(uBoot.subarray(0, CODE.length));
    expect(changed.subarray(CODE.length + length)).toEqual(uBoot.subarray(CODE.length + length));
  });

  it('does not outgrow its place', () => {
    expect(() => changeEnvironment(uBoot, { more: 'x'.repeat(20) })).toThrow(/no room: take away 26 bytes/);
  });

  it('is refused where there is none, or more than one', () => {
    expect(() => readEnvironment(Buffer.from('\0nothing\0'))).toThrow(/holds 0 environments/);
    expect(() => readEnvironment(Buffer.concat([uBoot, uBoot]))).toThrow(/holds 2 environments/);
    expect(() => readEnvironment(Buffer.from('x\0bootdelay=2\0\0'))).toThrow(/does not begin with bootcmd=/);
  });
});

const refusal = (changes: EnvironmentChanges) => () =>
  requireClosedPrompt(changeEnvironment(uBoot, { spare: null, ...changes }));

describe('a prompt', () => {
  it.each([
    ['a key stops it', { bootcmd: 'boot; reset' }, /Any key stops/],
    ['a key stops it within no time', { bootcmd: 'boot; reset', bootdelay: '0' }, /Any key stops/],
    ['it comes when nothing boots', { bootcmd: 'boot', bootdelay: '-2' }, /stops at its prompt/],
  ])('is open when %s', (_, changes, reason) => {
    expect(refusal(changes)).toThrow(ImageError);
    expect(refusal(changes)).toThrow(reason);
  });

  it('is closed when U-Boot waits for no key and starts anew when nothing boots', () => {
    expect(refusal({ bootcmd: 'boot; reset', bootdelay: '-2' })).not.toThrow();
  });
});

describe('Ctrl-C', () => {
  it.each(['run it; reset', 'for x in y; do z; done; reset'])('ends the loops of bootcmd=%s', (bootcmd) => {
    expect(refusal({ bootcmd, bootdelay: '-2' })).toThrow(/Ctrl-C/);
  });

  it.each(['boot.cmd', 'slot.cmd'])('finds no loop to end in %s', async (name) => {
    const script = await readFile(join(import.meta.dirname, '../../../image/disk', name), 'utf8');
    const commands = script.replace(/^#.*$/gm, '');
    expect(commands).toContain('load');
    expect(commands).not.toMatch(/\b(?:for|while|until)\b/);
  });
});
