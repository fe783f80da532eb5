import { readFile } from 'node:fs/promises';
import { parse, stringify, YAMLParseError } from 'yaml';
import { z } from 'zod';
import type { Membership } from '../../services/net/membership.ts';
import { isMissing } from '../files.ts';
import { RackError } from './error.ts';

const HEAD = `# The public keys of this rack, written by 'skyminer rack'. Nothing in here is secret: keep it under version control, and a
# change of a key shows.
`;

const key = z.string().regex(/^[0-9a-f]{64}$/);

const lockSchema = z.strictObject({
  version: z.literal(1),
  rack: key,
  number: z.int().min(1),
  boards: z.record(z.string(), z.strictObject({ identity: key, roles: z.array(z.string()) })),
});

/** What `rack.lock.yaml` says of a rack. */
export type RackLock = z.infer<typeof lockSchema>;

export function lockText({ rack, number, members }: Membership): string {
  const boards = Object.fromEntries(
    members.map(({ board, key: identity, roles }) => [board, { identity, roles: [...roles] }]),
  );
  const lock: RackLock = { version: 1, rack, number, boards };
  return HEAD + stringify(lock, { lineWidth: 0, flowCollectionPadding: false });
}

/**
 * @returns undefined when there is none
 * @throws {RackError} when it is something else
 */
export async function readLock(file: string): Promise<RackLock | undefined> {
  try {
    return lockSchema.parse(parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (isMissing(error)) return undefined;
    if (!(error instanceof z.ZodError || error instanceof YAMLParseError)) throw error;
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : error.message;
    const line = problem.split('\n', 1)[0];
    throw new RackError(`${file}: ${line}; put back the file that 'skyminer rack' wrote`, { cause: error });
  }
}
