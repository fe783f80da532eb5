import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { commandsDoc, renderCommands } from '../../scripts/commands-doc.ts';

it('docs/commands.md says what the table of commands says', async () => {
  expect(await readFile(commandsDoc, 'utf8')).toBe(renderCommands());
});
