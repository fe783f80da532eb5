import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isMissing } from '../files.ts';
import { CommandError, run } from '../run.ts';
import { UpdateError } from './error.ts';

/** What lies in a folder of update keys. */
export interface UpdateKeys {
  /** Certificate of the authority: what boards trust, `update_keys` in rack.yaml. */
  authority: string;
  /** Its secret key, under a passphrase; needed only to make further keys. */
  authorityKey: string;
  /** Certificate and secret key that sign bundles. */
  signer: string;
  signerKey: string;
  /** The certificates between the signer and an authority above this one; the file is there only then. */
  chain: string;
}

export interface NewKeys {
  /** Folder to be made. */
  folder: string;
  /** Who signs, as people read it. */
  name: string;
  /** Of the new authority's key. */
  passphrase: string;
  /** An authority above this one, whose boards are to trust this one too. */
  above?: { folder: string; passphrase: string } | undefined;
}

/** Authorities outlive the boards that trust them. Signatures hold for their moment, whenever they are looked at. */
const AUTHORITY_DAYS = 30 * 365;
const SIGNER_DAYS = 5 * 365;
const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
const NAME = /^[\p{L}\p{N} ._@-]{1,60}$/u;

export function updateKeys(folder: string): UpdateKeys {
  return {
    authority: join(folder, 'authority.pem'),
    authorityKey: join(folder, 'authority.key'),
    signer: join(folder, 'signer.pem'),
    signerKey: join(folder, 'signer.key'),
    chain: join(folder, 'chain.pem'),
  };
}

/**
 * Makes an authority for updates and a key that signs them: X.509, ECDSA over P-256, for code signing alone. An authority
 * that stands below another one is trusted wherever that one is.
 *
 * @throws {UpdateError} when the folder is there already, or the passphrase of the authority above is wrong
 */
export async function makeUpdateKeys({ folder, name, passphrase, above }: NewKeys): Promise<UpdateKeys> {
  if (!NAME.test(name))
    throw new UpdateError(`'${name}' is no name for a signer: give 1 to 60 letters, digits and spaces`);
  await requireFree(folder);
  const place = resolve(folder);
  await mkdir(dirname(place), { recursive: true });
  // Filled under another name, then renamed: it is there whole or not at all.
  const making = await mkdtemp(join(dirname(place), `.${basename(place)}-`));
  try {
    const keys = updateKeys(making);
    await makeAuthority(keys, name, passphrase, above);
    await makeSigner(keys, name, passphrase);
    for (const file of [keys.authorityKey, keys.signerKey]) await chmod(file, 0o600);
    await rename(making, place);
    return updateKeys(folder);
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function makeAuthority(
  keys: UpdateKeys,
  name: string,
  passphrase: string,
  above: NewKeys['above'],
): Promise<void> {
  const subject = ['-subj', `/O=Skyminer/CN=${name}: authority for updates`, '-utf8'];
  const key = [...CURVE, '-keyout', keys.authorityKey, '-passout', 'stdin'];
  if (above === undefined) {
    const extensions = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign'];
    const self = ['-x509', '-days', String(AUTHORITY_DAYS), ...extensions.flatMap((e) => ['-addext', e])];
    await openssl(['req', ...self, ...key, ...subject, '-out', keys.authority], passphrase);
    return;
  }
  const request = `${keys.authority}.request`;
  await openssl(['req', '-new', ...key, ...subject, '-out', request], passphrase);
  const extensions = ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign'];
  const upper = updateKeys(above.folder);
  await sign(request, keys.authority, upper, above.passphrase, AUTHORITY_DAYS, extensions);
  await writeFile(keys.chain, (await readFile(keys.authority, 'utf8')) + (await readIfThere(upper.chain)));
}

async function makeSigner(keys: UpdateKeys, name: string, passphrase: string): Promise<void> {
  const request = `${keys.signer}.request`;
  const subject = ['-subj', `/O=Skyminer/CN=${name}: signer of updates`, '-utf8'];
  await openssl(['req', '-new', ...CURVE, '-noenc', '-keyout', keys.signerKey, ...subject, '-out', request]);
  const extensions = [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=critical,codeSigning',
  ];
  await sign(request, keys.signer, keys, passphrase, SIGNER_DAYS, extensions);
}

async function sign(
  request: string,
  certificate: string,
  { authority, authorityKey }: UpdateKeys,
  passphrase: string,
  days: number,
  extensions: readonly string[],
): Promise<void> {
  const file = `${request}.extensions`;
  await writeFile(file, extensions.map((line) => `${line}\n`).join(''));
  const by = ['-CA', authority, '-CAkey', authorityKey, '-passin', 'stdin'];
  const what = ['-req', '-in', request, '-days', String(days), '-extfile', file, '-out', certificate];
  await openssl(['x509', ...what, ...by], passphrase);
  for (const gone of [file, request]) await rm(gone);
}

/** A passphrase goes by its standard input, where no other process sees it. */
async function openssl(args: readonly string[], passphrase?: string): Promise<void> {
  try {
    await run('openssl', args, passphrase === undefined ? {} : { input: `${passphrase}\n${passphrase}\n` });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const said = cause.tail.join(' ');
    if (/bad decrypt|maybe wrong password|empty password/i.test(said))
      throw new UpdateError('that is not the passphrase of the authority; nothing was made', { cause });
    throw new UpdateError(`openssl: ${cause.tail.at(-1) ?? cause.message}`, { cause });
  }
}

async function requireFree(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length === 0) return;
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  throw new UpdateError(`${folder} is there already, and keys are never overwritten: name another folder`);
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}
