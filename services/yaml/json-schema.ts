import * as z from 'zod/mini';

/** The JSON Schema of a file, for editors; kept apart because nothing at run time needs it. */
export function jsonSchema(title: string, schema: z.core.$ZodType): object {
  return { title, ...z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }) };
}
