import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BufferPool } from '../../image/flash/buffer-pool.ts';
import { identityOf } from '../../image/flash/card/identity.ts';
import { flashCards } from '../../image/flash/flash.ts';
import { openSource } from '../../image/flash/source/source.ts';
import { run } from '../../image/run.ts';
import { MeasureError, timeCommand } from './process.ts';
import type { Row } from './row.ts';

export interface FlashFigures {
  /** With its block map beside it. */
  image: string;
  folder: string;
  rounds: number;
  progress: (text: string) => void;
}

const MIB = 1024 * 1024;
/** As `skyminer flash` has them. */
const BUFFER = 4 * MIB;
const AHEAD = 13;
const CARD_MIB = 2048;

/**
 * Writes an image to a loop device whose file lies on this machine's disk, in turns with `dd` and `bmaptool`. Those do not read
 * back: what that takes has a row of its own, and is in the one of the whole.
 */
export async function measureFlash({ image, folder, rounds, progress }: FlashFigures): Promise<Row[]> {
  const card = join(folder, 'card');
  // Not sparse: a card has all its blocks, and so does this file before the first round.
  await writeFile(card, '');
  await run('dd', ['if=/dev/zero', `of=${card}`, 'bs=1M', `count=${CARD_MIB}`, 'conv=fsync', 'status=none']);
  const { stdout } = await run('losetup', ['--find', '--show', card]);
  const device = stdout.trim();
  const ours = { written: [] as number[], readBack: [] as number[], whole: [] as number[] };
  const dd: number[] = [];
  const bmaptool: number[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`);
      const { whole, readBack } = await flash(image, device);
      ours.written.push(whole - readBack);
      ours.readBack.push(readBack);
      ours.whole.push(whole);
      const copy = [`if=${image}`, `of=${device}`, 'bs=4M', 'conv=fsync', 'status=none'];
      dd.push((await timeCommand({ file: 'dd', args: copy })).ms / 1000);
      const mapped = ['--quiet', 'copy', '--bmap', `${image}.bmap`, image, device];
      bmaptool.push((await timeCommand({ file: 'bmaptool', args: mapped })).ms / 1000);
    }
  } finally {
    await run('losetup', ['--detach', device]);
  }
  const row = { group: 'flashing', unit: 's' } as const;
  const peers = { dd, 'bmaptool copy': bmaptool };
  return [
    { ...row, what: 'an image on a card: checked, written', ours: ours.written, peers },
    { ...row, what: 'reading it back and comparing', ours: ours.readBack, peers: {} },
    { ...row, what: 'both; the others read nothing back', ours: ours.whole, peers },
  ];
}

/** Seconds, the image's comparison with its map included, and how many of them went by reading the card. */
async function flash(image: string, device: string): Promise<{ whole: number; readBack: number }> {
  const since = performance.now();
  const pool = new BufferPool(AHEAD, BUFFER);
  const source = await openSource(image, pool);
  const card = await identityOf(`/sys/class/block/${basename(device)}`, device);
  const signal = new AbortController().signal;
  const targets = [{ card, board: undefined }];
  const [outcome] = await flashCards({ source, pool, signal, targets, report: () => undefined });
  const whole = (performance.now() - since) / 1000;
  if (outcome?.state !== 'done') throw new MeasureError(`a card could not be written: ${outcome?.problem}`);
  return { whole, readBack: outcome.seconds['read back'] };
}
