import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findPartition } from '../../image/disk/partitions.ts';
import { macOf } from '../../image/provision/emulated.ts';
import { readLock } from '../../image/rack/lock-file.ts';
import { run } from '../../image/run.ts';
import { LoopDevice, noLoops } from '../image-unit/flash/loop-device.ts';
import { takeCard } from '../image-unit/flash/take-card.ts';
import { rewrite } from '../image-unit/rack/a-rack.ts';
import { hasSocat } from '../services/viscript/terminal/pty.ts';
import type { PtyProgram } from '../services/viscript/terminal/pty-program.ts';
import { DocumentWalk, type Expected } from './document-walk.ts';
import { isLong } from './long.ts';
import { registeredNodes } from './registered-nodes.ts';

const CHAPTER = 'From an empty table to eight boards';
const BOARDS = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `node${number}`);
const CARD_BYTES = 2 * 1024 ** 3;
/** A card is written and read back meanwhile. */
const CARD_MS = 300_000;
const LOOK_MS = 300_000;
const ENTER_AGAIN_MS = 2000;
/** As long as they take to boot side by side on two cores, and as long again to look at them. */
const EIGHT_MS = 5_400_000;

describe(`docs/rack.md, ${CHAPTER}`, () => {
  let walk: DocumentWalk;

  beforeAll(async () => {
    walk = await DocumentWalk.begin('docs/rack.md', CHAPTER);
  });

  afterAll(() => walk?.[Symbol.asyncDispose]());

  it('makes an image, keys for all boards, and their cards one after the other', async (context) => {
    if (noLoops !== undefined) context.skip(noLoops);
    if (!hasSocat) context.skip('socat is not installed');
    await walk.section('1. An image and a rack');
    await walk.section('2. Keys for all boards', { 'rack check': /8 boards/ });
    await walk.section('3. Eight cards', putIn(walk));
    const lock = await readLock(join(walk.folder, 'rack/rack.lock.yaml'));
    for (const board of BOARDS) {
      const { boardFile, identity } = await read(cardOf(walk, board));
      expect(boardFile).toMatch(new RegExp(`^board: ${board}$`, 'm'));
      expect(identity.slice(64)).toBe(lock?.boards[board]?.identity);
    }
  });
});

describe.skipIf(!isLong)(`docs/rack.md, ${CHAPTER}, in QEMU (needs SKYMINER_LONG)`, () => {
  let walk: DocumentWalk;

  beforeAll(async () => {
    walk = await DocumentWalk.begin('docs/rack.md', CHAPTER, {
      'orangepi-prime': 'qemu-aarch64',
      '-F rack/ssh_config': '-F rack/qemu/ssh_config',
    });
  });

  beforeEach((context) => {
    if (noLoops !== undefined) context.skip(noLoops);
    if (!hasSocat) context.skip('socat is not installed');
  });

  afterAll(() => walk?.[Symbol.asyncDispose]());

  it('makes cards of the image of emulated boards', async () => {
    await walk.section('1. An image and a rack');
    const rack = join(walk.folder, 'rack');
    // They have a second port, for SSH from this machine.
    for (const board of BOARDS) await rewrite(rack, `${board}: {`, `${board}: {mac: '${macOf(board)}', `);
    await walk.section('2. Keys for all boards', { 'rack check': /8 boards/ });
    await walk.section('3. Eight cards', putIn(walk));
  });

  it(
    'boots eight boards from them, which find each other and are reached by their serial lines and by SSH',
    async () => {
      await asDisks(walk);
      const said = await walk.startBoards('skyminer qemu --rack rack --cpus 1');
      const lines = BOARDS.map(
        (board) => new RegExp(`${board} · .* command line (\\S+)`).exec(said)?.[1] ?? '',
      );
      await nameLines(walk, lines);
      await walk.section('4. Power', { 'skyminer console': lookAtAll });
      await walk.section('5. The rack', {
        'mesh nodes': registeredNodes(BOARDS),
        'node8 status': /^node8 [\s\S]*^slots: A runs /m,
      });
      expect(walk.left).toEqual([]);
      expect(await walk.leaveBoards()).toBe(0);
    },
    EIGHT_MS,
  );
});

/** Somebody who puts in card after card, each into a reader of its own. */
function putIn(walk: DocumentWalk): Expected {
  return {
    'skyminer flash': async (terminal) => {
      await using readers = new AsyncDisposableStack();
      for (const [index, board] of BOARDS.entries()) {
        const next = new RegExp(`Put in the card of ${board} \\(${index + 1} of 8\\)`);
        await terminal.transcript.waitFor(next, CARD_MS);
        const card = readers.use(await LoopDevice.attach(cardOf(walk, board), CARD_BYTES));
        await takeCard(terminal, card, board);
        await terminal.transcript.waitFor(new RegExp(`Take it out: it is the card of ${board}`), CARD_MS);
      }
    },
  };
}

function cardOf(walk: DocumentWalk, board: string): string {
  return join(walk.folder, `${board}.card`);
}

async function read(card: string): Promise<{ boardFile: string; identity: string }> {
  const [boot, data] = [await findPartition(card, 'boot'), await findPartition(card, 'data')];
  const { stdout: boardFile } = await run('mtype', ['-i', `${card}@@${boot.offset}`, '::board.yaml']);
  const secret = ['-R', 'cat /skyminer/identity.key', `${card}?offset=${data.offset}`];
  return { boardFile, identity: (await run('debugfs', secret)).stdout.trim() };
}

/** The cards become the disks of which `skyminer qemu --rack` boots boards. */
async function asDisks(walk: DocumentWalk): Promise<void> {
  const folder = join(walk.folder, 'rack/qemu');
  await mkdir(folder, { mode: 0o700 });
  const lock = await readLock(join(walk.folder, 'rack/rack.lock.yaml'));
  for (const board of BOARDS) {
    const disk = join(folder, `${board}.qcow2`);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', cardOf(walk, board), disk]);
    await writeFile(join(folder, `${board}.identity`), `${lock?.boards[board]?.identity}\n`);
  }
}

/** Gives serial lines the names of their boards on this machine. */
async function nameLines(walk: DocumentWalk, lines: readonly string[]): Promise<void> {
  const folder = join(walk.folder, 'home/.config/skyminer');
  await mkdir(folder, { recursive: true });
  const names = BOARDS.map((board, index) => `  ${board}: ${lines[index]}\n`).join('');
  await writeFile(join(folder, 'consoles.yaml'), `consoles:\n${names}`);
}

/**
 * Goes from board to board, looks whether its command line is there, and leaves. Who sees no prompt presses Enter again: what
 * is typed while a line is being opened goes nowhere.
 */
async function lookAtAll(terminal: PtyProgram): Promise<void> {
  for (const [index, board] of BOARDS.entries()) {
    if (index > 0) terminal.type(`\x1d${index + 1}`);
    const enter = setInterval(() => terminal.type('\r'), ENTER_AGAIN_MS);
    try {
      await terminal.transcript.waitFor(new RegExp(`viscript@${board}> `), LOOK_MS);
    } finally {
      clearInterval(enter);
    }
  }
  terminal.type('\x1dq');
}
