import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { configFile } from '../../../../services/viscript/config/file.ts';
import { jsonSchema } from '../../../../services/yaml/json-schema.ts';

/** `vitest run test/services/viscript/config --update` writes the file anew. */
it('the JSON Schema beside the sources is the one of the definition', async () => {
  const file = resolve(import.meta.dirname, '../../../../services/viscript/config/config.schema.json');
  const schema = jsonSchema('config.yaml of viscript', configFile);
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(file);
});
