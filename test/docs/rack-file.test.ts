import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { rackFileDoc, renderRackFile } from '../../scripts/rack-file-doc.ts';

it('docs/rack-file.md says what the schema of rack.yaml says', async () => {
  expect(await readFile(rackFileDoc, 'utf8')).toBe(renderRackFile());
});
