import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { initialRackFile } from '../image/rack/rack-file/initial.ts';
import { rackSchema } from '../image/rack/rack-file/schema.ts';
import { jsonSchema } from '../services/yaml/json-schema.ts';

/** `npm run docs`: writes docs/rack-file.md from the schema of `rack.yaml`, so that the two cannot differ. */
export const rackFileDoc = join(import.meta.dirname, '..', 'docs', 'rack-file.md');

/** What is read of a JSON Schema: maps of known keys, and maps of names. */
const node = z.object({
  description: z.string().optional(),
  get properties() {
    return z.record(z.string(), node).optional();
  },
  required: z.array(z.string()).optional(),
  get additionalProperties() {
    return z.union([node, z.boolean()]).optional();
  },
  get anyOf() {
    return z.array(node).optional();
  },
});
type Node = z.infer<typeof node>;

export function renderRackFile(): string {
  const example = initialRackFile({
    boards: 3,
    sshKeys: [],
    schema: '../image/rack/rack-file/rack.schema.json',
  });
  return `# rack.yaml

What a rack is like, in one file: \`rack/rack.yaml\`. \`skyminer rack init\` writes one, \`skyminer rack check\` says all that is
wrong with it, with line and column, and \`skyminer rack sign\` makes the keys that its boards lack, and one list of members. Made
from the schema by \`npm run docs\`; editors take the
[JSON Schema](../image/rack/rack-file/rack.schema.json).

| Key | Says |
|---|---|
${rows(node.parse(jsonSchema('', rackSchema)), '').join('\n')}

Nothing in the file is run, and nothing in it is a secret; but who has the hash of the passphrase can guess at it. Keys and
certificates may be in files of their own, named from the folder of \`rack.yaml\`. A key with options before it is refused:
options can run commands.

A board without \`address\` has that of the Skyminer's scheme, where its name is \`node1\` (.2) to \`node8\` (.9). With
\`network: dhcp\`, or \`address: dhcp\`, it asks your router. The manager cannot do that, for others must find it.

## A new one

\`skyminer rack init --boards 3\` writes:

\`\`\`yaml
${example.trimEnd()}
\`\`\`
`;
}

function rows(schema: Node, path: string): string[] {
  const { properties = {}, required = [], additionalProperties, anyOf = [] } = schema;
  const own = Object.entries(properties).flatMap(([key, value]) => {
    const needed = required.includes(key) && path === '' ? ' Needed.' : '';
    const said =
      value.description === undefined ? [] : [`| \`${path}${key}\` | ${value.description}${needed} |`];
    return [...said, ...rows(value, `${path}${key}.`)];
  });
  const named = typeof additionalProperties === 'object' ? rows(additionalProperties, `${path}NAME.`) : [];
  return [...own, ...named, ...anyOf.flatMap((one) => rows(one, path))];
}

if (import.meta.main) await writeFile(rackFileDoc, renderRackFile());
