import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { rackSchema } from '../../../../image/rack/rack-file/schema.ts';
import { jsonSchema } from '../../../../services/yaml/json-schema.ts';

/** `vitest run test/image-unit/rack/rack-file --update` writes the file anew. */
it('the JSON Schema beside the sources is the one of the definition', async () => {
  const file = resolve(import.meta.dirname, '../../../../image/rack/rack-file/rack.schema.json');
  const schema = jsonSchema('rack.yaml of skyminer', rackSchema);
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(file);
});
