import * as z from 'zod/mini';
import { configFile } from './file.ts';

/** The JSON Schema of the config file, for editors; kept apart because nothing at run time needs it. */
export function configJsonSchema(): object {
  const schema = z.toJSONSchema(configFile, { target: 'draft-7', io: 'input' });
  return { title: 'config.yaml of viscript', ...schema };
}
