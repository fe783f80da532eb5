import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { squashfsSize } from '../../image/disk/squashfs-size.ts';
import { run } from '../../image/run.ts';
import { BootedBoard } from './booted-board.ts';
import { MeasureError, timeCommand } from './process.ts';
import type { Row } from './row.ts';

export interface BoardOptions {
  image: string;
  uBoot: string;
  folder: string;
  /** How often the board is booted. */
  boots: number;
  /** How often a booted one is asked. */
  rounds: number;
  progress: (text: string) => void;
}

/** With the supervisor six apps, as on the busiest board of a rack. */
const APPS = 6;

/** Measures an image: its size, and boards that run it in QEMU. */
export async function measureBoard(options: BoardOptions): Promise<Row[]> {
  const { image, folder, boots, progress } = options;
  await mkdir(folder, { recursive: true });
  const key = join(folder, 'key');
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  const boot: number[] = [];
  for (let count = 1; count < boots; count++) {
    progress(`boot ${count} of ${boots}`);
    await using board = await BootedBoard.start(options, key);
    boot.push(board.bootSeconds);
  }
  progress(`boot ${boots} of ${boots}`);
  await using board = await BootedBoard.start(options, key);
  boot.push(board.bootSeconds);
  const asked = await measureAnswers(board, options);
  return [
    {
      ...{ group: 'image', what: 'root file system, compressed', unit: 'MB', peers: {} },
      ...{ ours: [(await squashfsSize(image, 'rootA')) / 1e6], must: { limit: 90 }, goal: { limit: 75 } },
    },
    {
      ...{ group: 'image', what: 'QEMU starts → the CLI has answered', unit: 's', peers: {} },
      ...{ ours: boot, must: { limit: 45 }, goal: { limit: 25 } },
    },
    ...asked,
  ];
}

async function measureAnswers(board: BootedBoard, { rounds, progress }: BoardOptions): Promise<Row[]> {
  progress(`starting ${APPS} apps`);
  for (let index = 0; index < APPS; index++) await board.ask(`start apptracker 127.0.0.1:${20_000 + index}`);
  await board.askUntil('list_apps -f', (answer) => answer.match(/ ready /g)?.length === APPS);

  const answers: number[] = [];
  const memory: number[] = [];
  const ssh: number[] = [];
  const floor: number[] = [];
  // The first round warms up what the guest has not run yet and does not count.
  for (let round = 0; round <= rounds; round++) {
    progress(`asking: round ${round} of ${rounds}`);
    const { ms } = await board.ask('list_apps');
    const command = await timeCommand(board.ssh('viscript', 'apps'));
    const nothing = await timeCommand(board.ssh('admin', 'true'));
    const used = usedBytes((await timeCommand(board.ssh('admin', 'cat', '/proc/meminfo'))).stdout);
    if (round === 0) continue;
    answers.push(ms);
    ssh.push(command.ms / 1_000);
    floor.push(nothing.ms / 1_000);
    memory.push(used / 1e6);
  }
  return [
    {
      ...{ group: 'image', what: `MemTotal − MemAvailable with ${APPS} apps`, unit: 'MB', peers: {} },
      ...{ ours: memory, must: { limit: 300 }, goal: { limit: 200 } },
    },
    {
      ...{
        group: 'CLI on the emulated board',
        what: 'an answer at the prompt of the serial line',
        unit: 'ms',
      },
      ...{ ours: answers, peers: {}, must: { limit: 150 }, goal: { limit: 50 } },
    },
    {
      ...{ group: 'CLI on the emulated board', what: 'one command over SSH', unit: 's' },
      ...{ ours: ssh, peers: { "'true' over SSH": floor }, must: { limit: 2 }, goal: { limit: 1 } },
    },
  ];
}

function usedBytes(meminfo: string): number {
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1]);
  const used = kibibytes('MemTotal') - kibibytes('MemAvailable');
  if (Number.isNaN(used)) throw new MeasureError(`no /proc/meminfo: ${meminfo}`);
  return used * 1024;
}
