import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ReadStream } from 'node:tty';
import type { Steps } from '../steps.ts';
import { attach } from './attach.ts';
import type { QemuBoard, QemuBoardOptions } from './board.ts';
import { type Booted, bootBoard } from './boot.ts';
import { bootAll } from './boot-all.ts';
import { Hub } from './hub.ts';
import { hubCommand } from './run-hub.ts';
import { playScript, readable } from './script.ts';
import type { SerialConsole } from './serial-console.ts';

/** The boards' addresses on the hub: locally administered, QEMU's own prefix. */
const MAC_PREFIX = '52:54:00:5b';

export interface RunQemuOptions
  extends Pick<QemuBoardOptions, 'memoryMiB' | 'cpus' | 'diskMiB' | 'authorizedKeys' | 'snapshot'> {
  image: string;
  uBoot: string;
  /** How many boards; several are wired together by a hub. Default 1. */
  boards?: number;
  /** Socket of a hub that runs already, for a single board. */
  hub?: string;
  /** Folder in which the boards keep their disks; otherwise the disks are thrown away. */
  keep?: string;
  steps: Steps;
  /** A terminal, or any stream. */
  input: Readable;
  output: Writable;
  /** Aborting it shuts the boards down, as leaving does. */
  signal: AbortSignal;
}

/**
 * Boots boards and hands the caller's terminal over: a single board's serial command line until Ctrl-], several
 * boards' hub until the input ends. An input that is no terminal is typed on the command line, line by line. Then all
 * are shut down cleanly. Nothing is left running on any way out.
 *
 * @throws StepError when a board does not boot or does not shut down
 */
export async function runQemu(options: RunQemuOptions): Promise<void> {
  const count = options.boards ?? 1;
  await using stack = new AsyncDisposableStack();
  const hub = count > 1 ? await startHub(stack) : undefined;
  if (options.keep !== undefined) await mkdir(options.keep, { recursive: true });
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const boards = await bootAll(numbers, options.signal, (number, signal) =>
    bootOne(number, hub, { ...options, signal }, stack),
  );
  if (hub !== undefined) await leaveLines(boards);
  for (const { board } of boards) options.output.write(describe(board, options));
  const [only] = boards;
  if (hub !== undefined) await controlHub(hub, options);
  else if (only !== undefined) await handOver(only.line, options);
  await options.steps.step(
    'Shut down',
    'The last lines above are what the board said; its disk may need the check that the next boot does.',
    async () => {
      await Promise.all(boards.map(({ board }) => board.powerOff()));
    },
  );
}

/** For whoever opens them next: a line has one reader. */
async function leaveLines(boards: readonly Booted[]): Promise<void> {
  await Promise.all(boards.map(({ line }) => line.close()));
}

async function bootOne(
  number: number,
  hub: Hub | undefined,
  options: RunQemuOptions,
  stack: AsyncDisposableStack,
): Promise<Booted> {
  const name = `board${number}`;
  const { steps, signal } = options;
  const title = hub === undefined ? 'Boot the board' : `Boot ${name}`;
  const machine = boardOptions(name, number, hub, options);
  const booted = stack.use(await bootBoard({ title, steps, signal, machine }));
  if (hub !== undefined) await booted.board.giveWay();
  return booted;
}

async function startHub(stack: AsyncDisposableStack): Promise<Hub> {
  const folder = await mkdtemp(join(tmpdir(), 'skyminer-hub-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  return stack.use(await Hub.listen(join(folder, 'hub.sock')));
}

function boardOptions(
  name: string,
  number: number,
  hub: Hub | undefined,
  { image, uBoot, keep, memoryMiB, cpus, diskMiB, authorizedKeys, snapshot, hub: runningHub }: RunQemuOptions,
): QemuBoardOptions {
  return {
    ...{ name, image, uBoot },
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(diskMiB === undefined ? {} : { diskMiB }),
    ...(authorizedKeys === undefined ? {} : { authorizedKeys }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(keep === undefined ? {} : { disk: { keep: join(keep, `${name}.qcow2`) } }),
    ...(hub === undefined ? {} : { hub: { path: hub.path, mac: macOf(number) } }),
    ...(runningHub === undefined ? {} : { hub: { path: runningHub, mac: macOf(randomInt(256, 0x1_0000)) } }),
  };
}

/** Boards that are wired together here count from 1; one on a hub of others draws a number above 255. */
function macOf(number: number): string {
  const digits = number.toString(16).padStart(4, '0');
  return `${MAC_PREFIX}:${digits.slice(0, 2)}:${digits.slice(2)}`;
}

function describe(board: QemuBoard, { authorizedKeys }: RunQemuOptions): string {
  const ssh = authorizedKeys === undefined ? '' : ` · ssh -p ${board.sshPort} viscript@127.0.0.1`;
  return `  ${board.name}: command line ${board.serial} · boot console ${board.console}${ssh}\n`;
}

async function handOver(line: SerialConsole, { input, output, signal }: RunQemuOptions): Promise<void> {
  if (input instanceof ReadStream) {
    output.write('  Ctrl-] leaves and shuts the board down.\n');
    output.write(line.transcript);
    await attach(line, { input, output, signal });
  } else {
    output.write(readable(line.transcript));
    await playScript(line, { input, output, signal });
  }
  output.write('\n');
}

async function controlHub(hub: Hub, { input, output, signal }: RunQemuOptions): Promise<void> {
  output.write(`${hubCommand(hub, ['help'])}\nThe end of the input (Ctrl-D) shuts the boards down.\n`);
  for await (const text of createInterface({ input, signal })) {
    const words = text.trim().split(/\s+/);
    if (words[0] !== '') output.write(`${hubCommand(hub, words)}\n`);
  }
}
