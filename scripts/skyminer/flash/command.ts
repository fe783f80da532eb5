import { BufferPool } from '../../../image/flash/buffer-pool.ts';
import { type Drive, type DriveOptions, findDrive, listDrives } from '../../../image/flash/drives/drive.ts';
import { ROOTS } from '../../../image/flash/drives/roots.ts';
import { FlashError } from '../../../image/flash/error.ts';
import { openSource, type Source } from '../../../image/flash/source/source.ts';
import { UsageError } from '../../../services/program/usage.ts';
import { installPackages, type Purpose, planInstall } from '../../host/packages.ts';
import { abortOnSignals, stepsOf } from '../../lib/program.ts';
import { type Board, boardsOf, rackFolder } from './boards.ts';
import { confirm } from './confirm.ts';
import { driveTable, lossTable } from './tables.ts';
import { flashInTurn } from './turns.ts';
import { STATUS, writeCards } from './write.ts';

export interface FlashCommandOptions {
  list: boolean;
  rack?: string;
  board: string[];
  keepKeys: boolean;
  yes: boolean;
  big: boolean;
}

/** Bytes of a buffer: what a card writes in one go. */
const BUFFER = 4 * 1024 * 1024;
/** How far the slowest card may be behind the fastest, in buffers, and one for each card that reads back. */
const AHEAD = 12;

/** `skyminer flash`. @returns exit status, as docs/flash.md has them */
export async function flash(
  image: string | undefined,
  devices: readonly string[],
  options: FlashCommandOptions,
): Promise<number> {
  const isRoot = process.getuid?.() === 0;
  const drives = { roots: ROOTS, isBig: options.big };
  if (options.list) {
    await list(drives, isRoot);
    return STATUS.done;
  }
  const { rack, board: names } = options;
  if (image === undefined) throw new UsageError('name an image, and the drives to write it to');
  if (names.length > 0 && rack === undefined) throw new UsageError('--board needs --rack');
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    throw new UsageError(`--board ${twice} is given twice: two cards would be one board`);
  if (devices.length === 0 && rack === undefined)
    throw new UsageError("name the drives to write to: 'skyminer flash --list' shows them");
  if (devices.length > 0 && rack !== undefined && names.length !== devices.length)
    throw new UsageError(`${devices.length} drives need as many --board, in the same order`);
  if (!isRoot) throw new FlashError(`Only root may write to drives. Type: ${asRoot()}`);
  const purposes: Purpose[] = rack === undefined ? ['flash'] : ['flash', 'provision'];
  await installPackages(await planInstall(purposes), stepsOf('flash'));
  const signal = abortOnSignals();
  try {
    return await write(image, devices, options, drives, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    process.stderr.write(`skyminer: ${error instanceof Error ? error.message : error}\n`);
    return STATUS.stopped;
  }
}

async function write(
  image: string,
  devices: readonly string[],
  { rack, board: names, keepKeys, yes }: FlashCommandOptions,
  look: DriveOptions,
  signal: AbortSignal,
): Promise<number> {
  const folder = rack === undefined ? undefined : await rackFolder(rack);
  const boards = folder === undefined ? [] : await boardsOf(folder, names);
  const pool = new BufferPool(AHEAD + Math.max(devices.length, 1), BUFFER);
  const source = await openSource(image, pool);
  const job = { source, pool, signal, look, keysIn: keepKeys ? undefined : folder };
  if (devices.length === 0) return flashInTurn({ ...job, boards, isAsked: !yes });
  const chosen = await choose(devices, look, source);
  await announce(chosen, boards, yes, signal);
  return writeCards({ ...job, drives: chosen, boards });
}

async function list(options: DriveOptions, isRoot: boolean): Promise<void> {
  const drives = await listDrives(isRoot ? options : { ...options, members: async () => [] });
  process.stdout.write(drives.length === 0 ? 'There is no drive.\n' : driveTable(drives));
  if (!isRoot) process.stdout.write('Only root can see whether a drive is a part of a volume that rests.\n');
}

/** @throws {FlashError} with all that is wrong with any of them */
async function choose(devices: readonly string[], options: DriveOptions, { file }: Source): Promise<Drive[]> {
  const drives: Drive[] = [];
  for (const device of devices) drives.push(await findDrive(device, options));
  const wrong = drives.flatMap(({ disk: { identity }, refusal }) => {
    if (refusal !== undefined) return [`${identity.path} ${refusal}`];
    return identity.size < file.size
      ? [`${identity.path} has ${identity.size} bytes, too few for an image of ${file.size}`]
      : [];
  });
  const twice = drives.find(
    ({ disk }, index) => drives.findIndex((other) => other.disk.name === disk.name) < index,
  );
  if (twice !== undefined) wrong.push(`${twice.disk.identity.path} is named twice`);
  if (wrong.length > 0) throw new FlashError(`${wrong.join('\n')}\nNothing was written.`);
  return drives;
}

async function announce(
  drives: readonly Drive[],
  boards: readonly Board[],
  isSure: boolean,
  signal: AbortSignal,
): Promise<void> {
  const names = boards.map(({ settings }) => settings.board);
  process.stdout.write(lossTable(drives, names));
  const what = drives.length === 1 ? 'this drive' : `these ${drives.length} drives`;
  if (!isSure) await confirm(`Everything on ${what} will be lost.`, signal);
}

/** The same command, for a shell: whatever the path of root is. */
function asRoot(): string {
  const words = [process.execPath, ...process.argv.slice(1)];
  return ['sudo', ...words]
    .map((word) => (/^[\w./:=@,+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
