import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeDurably } from '../../net/durable-file.ts';
import { parsePublicKey } from '../../net/keys.ts';
import { fail, integer, list, shape, text } from '../../signal/shape.ts';
import { stateFolder } from '../../signal/state-folder.ts';
import type { Lease } from './leases.ts';

const VERSION = 1;
const MOST_LEASES = 65_536;

/**
 * Where the server of this name keeps who has which address: in the folder that viscript or systemd gives
 * (STATE_DIRECTORY), else where the XDG base directory specification says.
 */
export function leaseFile(app: string, environment: NodeJS.ProcessEnv): string {
  return join(stateFolder('meshnet-vpn-server', environment), `clients-${app}.json`);
}

/** @returns nothing when there is no file @throws {Error} when it cannot be read or understood */
export async function readLeases(file: string): Promise<Lease[]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  try {
    return fileShape.parse(JSON.parse(content));
  } catch (cause) {
    throw new Error(`${file} is damaged: remove it, and every client gets an address anew`, { cause });
  }
}

/** Resolves when they are on the disk. */
export async function writeLeases(file: string, leases: readonly Lease[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, `${JSON.stringify({ version: VERSION, leases })}\n`, 0o600);
}

const leaseShape = shape(
  (fields): Lease => ({ node: parsePublicKey(text(fields, 'node')), place: integer(fields, 'place', 0) }),
);

const fileShape = shape((fields) =>
  fields.version === VERSION
    ? list(fields, 'leases', MOST_LEASES).map(leaseShape.parse)
    : fail('version', String(VERSION)),
);
