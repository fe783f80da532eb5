import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { boardFile } from '../../../image/board-settings/schema.ts';
import { readBoardFile } from '../../../image/board-settings/text.ts';
import { knownKeys } from '../../../services/yaml/keys.ts';

const example = await readFile(join(import.meta.dirname, '../../../image/disk/board.yaml'), 'utf8');

it('ships with a board file of comments, which means no rack', () => {
  expect(readBoardFile(example)).toBeUndefined();
});

it('shows every key, so that taking comment signs away is all there is to do', () => {
  const uncommented = example.slice(example.indexOf('# board:')).replaceAll(/^# ?/gm, '');
  const shown: Record<string, object> = parse(uncommented);
  expect(Object.keys(shown).sort()).toEqual(knownKeys(boardFile, []).sort());
  for (const key of ['network', 'mesh'])
    expect(Object.keys(shown[key] ?? {}).sort()).toEqual(knownKeys(boardFile, [key]).sort());
  for (const key of ['network', 'ssh_keys', 'apps'])
    expect(() => readBoardFile(JSON.stringify({ board: 'a', [key]: shown[key] }))).not.toThrow();
});
