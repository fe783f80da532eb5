import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { configJsonSchema } from '../../../../services/viscript/config/json-schema.ts';

/** `vitest run test/services/viscript/config --update` writes the file anew. */
it('the JSON Schema beside the sources is the one of the definition', async () => {
  const file = resolve(import.meta.dirname, '../../../../services/viscript/config/config.schema.json');
  await expect(`${JSON.stringify(configJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(file);
});
