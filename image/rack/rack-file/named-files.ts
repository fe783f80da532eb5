import { X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { InvalidSshKey, looksLikeSshKey, parseSshKey } from '../../../services/net/ssh/public-key.ts';
import { InvalidFile, type Remark, readText } from '../../../services/yaml/index.ts';
import { property } from '../../../services/yaml/raw.ts';

/** What the files that `rack.yaml` names hold. */
export interface NamedFiles {
  /** For each entry of `ssh_keys` that is a file, by its text, the keys in it. */
  sshKeys: ReadonlyMap<string, string[]>;
  /** Of all `update_keys`, PEM. */
  certificates: string[];
  problems: Remark[];
}

const MAX_BYTES = 64 * 1024;
/** Entries that are looked at; the schema refuses a longer list. */
const MOST = 64;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

/** Whether an entry of `ssh_keys` is the name of a file and no key. */
export function namesFile(entry: string): boolean {
  return entry.endsWith('.pub') && !looksLikeSshKey(entry) && !entry.includes('\n');
}

/** @param file the `rack.yaml`: names are relative to it */
export async function readNamedFiles(raw: unknown, file: string): Promise<NamedFiles> {
  const problems: Remark[] = [];
  const sshKeys = new Map<string, string[]>();
  const certificates: string[] = [];
  for (const [index, name] of entriesOf(raw, 'ssh_keys').entries()) {
    if (!namesFile(name)) continue;
    const keys = await told(['ssh_keys', index], problems, () => sshKeysIn(placeOf(name, file)));
    sshKeys.set(name, keys);
  }
  for (const [index, name] of entriesOf(raw, 'update_keys').entries()) {
    if (name === '') continue;
    certificates.push(
      ...(await told(['update_keys', index], problems, () => certificatesIn(placeOf(name, file)))),
    );
  }
  return { sshKeys, certificates, problems };
}

/** The keys in a file of public keys, a line each. @throws {InvalidFile} */
export async function sshKeysIn(file: string): Promise<string[]> {
  const lines = (await readText(file, MAX_BYTES)).split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw InvalidFile.whole(file, 'holds no key');
  try {
    return keys.map(parseSshKey);
  } catch (error) {
    if (!(error instanceof InvalidSshKey)) throw error;
    throw InvalidFile.whole(file, error.message, error);
  }
}

async function certificatesIn(file: string): Promise<string[]> {
  const text = await readText(file, MAX_BYTES);
  if (text.includes('PRIVATE KEY'))
    throw InvalidFile.whole(file, 'holds a secret key: give the certificates alone');
  const found = text.match(CERTIFICATE) ?? [];
  if (found.length === 0) throw InvalidFile.whole(file, 'holds no certificate (PEM)');
  return found.map((pem) => {
    try {
      return new X509Certificate(pem).toString();
    } catch (error) {
      throw InvalidFile.whole(file, 'holds a certificate that is damaged', error);
    }
  });
}

async function told(
  path: [string, number],
  problems: Remark[],
  read: () => Promise<string[]>,
): Promise<string[]> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InvalidFile)) throw error;
    problems.push({ path, message: `${path[0]}[${path[1] + 1}]: ${error.message}` });
    return [];
  }
}

function entriesOf(raw: unknown, section: string): string[] {
  const list = property(raw, section);
  if (!Array.isArray(list)) return [];
  return list.slice(0, MOST).map((entry: unknown) => (typeof entry === 'string' ? entry : ''));
}

function placeOf(name: string, file: string): string {
  return resolve(dirname(file), name);
}
