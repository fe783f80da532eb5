import { open, readFile, rm } from 'node:fs/promises';
import { cardOfBackup, checkBackup, type RackList, writeCard } from '../../image/backup/card.ts';
import { MAX_BACKUP_BYTES, parseBackup } from '../../image/backup/document.ts';
import { BackupError } from '../../image/backup/error.ts';
import { findPartition } from '../../image/disk/partitions.ts';
import { changedCopy } from '../../image/provision/card-image.ts';
import { RackError } from '../../image/rack/error.ts';
import { rackFiles } from '../../image/rack/files.ts';
import { checkName } from '../../image/rack/rack.ts';
import { readSignedList } from '../../image/rack/read.ts';
import { unlockBackups } from '../../image/rack/unlock.ts';
import { CommandError, run } from '../../image/run.ts';
import { printable } from '../../services/viscript/commands/format.ts';
import { askForPassphrase } from './passphrase.ts';
import type { PassphraseOptions, RackOptions } from './rack-commands.ts';

export interface BackupOptions extends RackOptions {
  out?: string;
  sshConfig?: string;
}

export interface RestoreOptions extends RackOptions, PassphraseOptions {
  image: string;
  out: string;
  force: boolean;
}

/** For a board that is busy. */
const TIMEOUT_MS = 180_000;

/** `skyminer backup` */
export async function backUp(board: string, options: BackupOptions): Promise<void> {
  const { rack: folder, sshConfig = rackFiles(folder).sshConfig } = options;
  checkName(board);
  const list = await listOf(folder);
  const document = await askBoard(board, sshConfig);
  const backup = parseBackup(document);
  checkBackup(backup, board, list);
  const out = options.out ?? `${board}-${backup.made.slice(0, 10)}.backup`;
  await writeNew(out, document);
  process.stdout.write(`${out}: ${board} as of ${printable(backup.made)}, its secrets sealed to this rack\n`);
}

/** `skyminer restore` */
export async function restore(
  board: string,
  file: string,
  { rack: folder, image, out, force, ...passphrase }: RestoreOptions,
): Promise<void> {
  checkName(board);
  const list = await listOf(folder);
  const backup = parseBackup(await readBackup(file));
  checkBackup(backup, board, list);
  await findPartition(image, 'data');
  const card = cardOfBackup(backup, await unlockBackups(folder, await askForPassphrase(passphrase)), list);
  await changedCopy(image, out, force, (copy) => writeCard(copy, card));
  process.stdout.write(
    `${out}: the card of ${board} as it was on ${printable(backup.made)}; it holds secret keys\n`,
  );
}

async function listOf(folder: string): Promise<RackList> {
  const { membership, text } = await readSignedList(folder);
  return { membership, members: text };
}

async function askBoard(board: string, sshConfig: string): Promise<string> {
  const settings = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10'];
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return (await run('ssh', ['-F', sshConfig, ...settings, '--', board, 'backup'], { signal })).stdout;
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const why = signal.aborted
      ? `no answer within ${TIMEOUT_MS / 1000} s`
      : (cause.tail.at(-1) ?? cause.message);
    throw new RackError(`${board} gives no backup: ${printable(why)}`, { cause });
  }
}

async function readBackup(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new BackupError(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  });
  if (bytes.length > MAX_BACKUP_BYTES) throw new BackupError(`${file} is longer than any backup of a board`);
  return bytes.toString();
}

/** One that is there already may be the only one of its day. */
async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    throw new BackupError(`${file} is there already: name another --out`, { cause });
  });
  try {
    await using held = handle;
    await held.writeFile(text);
    await held.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
}
