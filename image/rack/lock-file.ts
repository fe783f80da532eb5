import { stringify } from 'yaml';
import { z } from 'zod';
import type { Membership } from '../../services/net/membership.ts';
import { InvalidFile, parseText } from '../../services/yaml/index.ts';
import { RackError } from './error.ts';
import { textIfThere } from './text.ts';

const HEAD = `# The public keys of this rack, written by 'skyminer rack'. Nothing in here is secret: keep it under version control, and a
# change of a key shows.
`;

const key = z.string().regex(/^[0-9a-f]{64}$/);

const boardSchema = z.strictObject({
  identity: key,
  /** `ssh-ed25519 BASE64`; missing where the key was made elsewhere. */
  ssh_host_key: z
    .string()
    .regex(/^ssh-ed25519 [A-Za-z0-9+/]{68}$/)
    .optional(),
  roles: z.array(z.string()),
  /** IPv4; missing where it comes by DHCP, or nobody has said it. */
  address: z.ipv4().optional(),
});

const lockSchema = z.strictObject({
  version: z.literal(1),
  rack: key,
  number: z.int().min(1),
  boards: z.record(z.string(), boardSchema),
});

/** Room for the longest list of members. */
const format = { schema: lockSchema, maxBytes: 4 * 1024 * 1024 };

/** What `rack.lock.yaml` says of a rack. */
export type RackLock = z.infer<typeof lockSchema>;
export type LockedBoard = z.infer<typeof boardSchema>;

/** What a lock file says of a board beyond the list of members. */
export type BoardFacts = Pick<LockedBoard, 'ssh_host_key' | 'address'>;

export function lockOf(
  { rack, number, members }: Membership,
  facts: ReadonlyMap<string, BoardFacts>,
): RackLock {
  const boards = members.map(({ board, key: identity, roles }): [string, LockedBoard] => {
    const { ssh_host_key, address } = facts.get(board) ?? {};
    const known = {
      ...(ssh_host_key === undefined ? {} : { ssh_host_key }),
      ...(address === undefined ? {} : { address }),
    };
    return [board, { identity, roles: [...roles], ...known }];
  });
  return { version: 1, rack, number, boards: Object.fromEntries(boards) };
}

export function lockText(lock: RackLock): string {
  return HEAD + stringify(lock, { lineWidth: 0, flowCollectionPadding: false });
}

/**
 * @returns undefined when there is none
 * @throws {RackError} when it is something else
 */
export async function readLock(file: string): Promise<RackLock | undefined> {
  const text = await textIfThere(file);
  try {
    return text === undefined ? undefined : parseText(text, file, format);
  } catch (cause) {
    if (!(cause instanceof InvalidFile)) throw cause;
    const [line] = cause.message.split('\n', 1);
    throw new RackError(`${line}; put back the file that 'skyminer rack' wrote`, { cause });
  }
}
