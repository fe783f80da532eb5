import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readBoardFile } from '../../../image/board-settings/text.ts';
import { formatBmap } from '../../../image/flash/bmap/format.ts';
import { makeBmap } from '../../../image/flash/bmap/make.ts';
import { run } from '../../../image/run.ts';
import { FaultyCard, noFaults } from '../../image-unit/flash/faulty-card.ts';
import { fillWithJunk } from '../../image-unit/flash/junk.ts';
import { LoopDevice, noLoops } from '../../image-unit/flash/loop-device.ts';
import { takeCard } from '../../image-unit/flash/take-card.ts';
import { makeCard, PLACES } from '../../image-unit/provision/card.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { PtyProgram } from '../../services/viscript/terminal/pty-program.ts';

const main = join(import.meta.dirname, '../../../scripts/skyminer/main.ts');
const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
const PATIENCE_MS = 90_000;

let common: string;
let home: string;
let cards: AsyncDisposableStack;

beforeAll(async () => {
  common = await mkdtemp(join(tmpdir(), 'flash-command-common-'));
  const image = join(common, 'skyminer.img');
  await makeCard(image);
  await writeFile(`${image}.bmap`, formatBmap(await makeBmap(image)));
  await writeFile(join(common, 'secret'), 'correct horse battery\n', { mode: 0o600 });
  for (const words of [['init', '--boards', '2'], ['sign']])
    await run(process.execPath, [main, 'rack', ...words, '--passphrase-file', 'secret'], {
      cwd: common,
      env: { HOME: common },
    });
}, 120_000);

afterAll(() => rm(common, { recursive: true }));

beforeEach(async (context) => {
  if (noLoops !== undefined) context.skip(noLoops);
  home = await mkdtemp(join(tmpdir(), 'flash-command-'));
  cards = new AsyncDisposableStack();
  await mkdir(scratch());
  for (const name of ['skyminer.img', 'skyminer.img.bmap'])
    await copyFile(join(common, name), join(home, name));
});

afterEach(async () => {
  if (noLoops !== undefined) return;
  await cards.disposeAsync();
  await rm(home, { recursive: true });
});

describe('skyminer flash', () => {
  it('lists the drives, and why one is refused', async () => {
    const [free, swap] = [await newCard('free'), await newCard('swap')];
    await run('mkswap', [swap.path]);
    const { status, stdout } = await skyminer('--list');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^DRIVE +SIZE +MODEL +SERIAL +BY/);
    expect(stdout).toMatch(new RegExp(`^${free.path} +0\\.07 GB +– +– +virtual$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^${swap.path} .* virtual +holds swap`, 'm'));
  });

  it('writes several cards, says how far it is and what became of each, and ends with 0', async () => {
    const [one, other] = [await newCard('one'), await newCard('other')];
    const { status, stdout, stderr } = await skyminer('--yes', 'skyminer.img', one.path, other.path);
    expect([status, stderr]).toEqual([0, '']);
    for (const { path } of [one, other]) {
      for (const phase of ['check', 'write', 'read back', 'finish'])
        expect(stdout).toMatch(new RegExp(`^${path} +${phase} +\\d+ %`, 'm'));
      expect(stdout).toMatch(new RegExp(`^${path} +– +done +[\\d.]+ MB/s +[\\d.]+ MB/s$`, 'm'));
      expect((await readFile(path)).subarray(510, 512).toString('hex')).toBe('55aa');
    }
  });

  it('asks on a terminal, and writes nothing but for a yes', async (context) => {
    if (!hasSocat) context.skip('socat is not installed');
    const card = await newCard('card');
    for (const [answer, status] of [
      ['no\n', 1],
      ['\x03', 130],
      ['yes\n', 0],
    ] as const) {
      await using terminal = await PtyProgram.start(
        `cd "$HOME"; "$NODE" "$MAIN" flash skyminer.img ${card.path}; echo "status $?"`,
        { HOME: home, NODE: process.execPath, MAIN: main },
      );
      await terminal.transcript.waitFor(
        /Everything on this drive will be lost\. Type yes to go on: /,
        PATIENCE_MS,
      );
      expect((await readFile(card.path)).equals(Buffer.alloc(SIZE, 'junk'))).toBe(true);
      terminal.type(answer);
      await terminal.transcript.waitFor(new RegExp(`status ${status}`), PATIENCE_MS);
      if (status === 0) expect(terminal.transcript.text).toMatch(/finish +100 %/);
    }
  });

  it('says all that is wrong before anything is written, and ends with 1', async () => {
    const [swap, small, card] = [
      await newCard('swap'),
      await newCard('small', 16 * MIB),
      await newCard('card'),
    ];
    await run('mkswap', [swap.path]);
    const { status, stderr } = await skyminer(
      '--yes',
      'skyminer.img',
      card.path,
      swap.path,
      small.path,
      card.path,
    );
    expect(status).toBe(1);
    expect(stderr).toContain(`${swap.path} holds swap`);
    expect(stderr).toContain(`${small.path} has ${16 * MIB} bytes, too few`);
    expect(stderr).toContain(`${card.path} is named twice`);
    expect(stderr).toContain('Nothing was written.');
    expect((await readFile(card.path)).equals(Buffer.alloc(SIZE, 'junk'))).toBe(true);
    expect((await skyminer('skyminer.img', card.path)).stderr).toContain('no terminal to ask on');
    expect((await skyminer('--yes', 'skyminer.img', '/dev/nothing')).stderr).toContain(
      "'skyminer flash --list'",
    );
    expect((await skyminer('--yes', 'nothing.img', card.path)).stderr).toContain('nothing.img');
  });

  it.each([
    [[], 'name an image'],
    [['skyminer.img'], 'name the drives'],
    [['skyminer.img', '/dev/x', '--board', 'node1'], '--board needs --rack'],
    [
      ['skyminer.img', '/dev/x', '/dev/y', '--rack', 'rack', '--board', 'node1'],
      '2 drives need as many --board',
    ],
    [
      ['skyminer.img', '/dev/x', '/dev/y', '--rack', 'rack', '--board', 'node1', '--board', 'node1'],
      '--board node1 is given twice',
    ],
  ])('ends with 2 when it is used wrongly: %j', async (words, complaint) => {
    const { status, stderr } = await skyminer(...words);
    expect([status, stderr]).toEqual([2, expect.stringContaining(complaint)]);
  });

  it('says what to type when it is not root', async () => {
    const words = [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      main,
      'flash',
      'a b.img',
      '/dev/sdx',
    ];
    const child = spawn('setpriv', words, { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
    const [complaint] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    const [, typed = ''] = /^skyminer: Only root may write to drives\. Type: (.*)\n$/.exec(complaint) ?? [];
    // As the shell reads it.
    const { stdout } = await run('sh', ['-c', `printf '%s\\n' ${typed}`]);
    expect(stdout.trimEnd().split('\n')).toEqual([
      'sudo',
      process.execPath,
      main,
      'flash',
      'a b.img',
      '/dev/sdx',
    ]);
  });
});

describe('a card that goes wrong', () => {
  beforeEach((context) => {
    if (noFaults !== undefined) context.skip(noFaults);
  });

  it('ends it with 3, with the reason in the table', async () => {
    await using bad = await FaultyCard.plugIn(home, 'bad', SIZE, { failAfter: 4 * MIB });
    const good = await newCard('good');
    const { status, stdout } = await skyminer('--yes', 'skyminer.img', bad.loop.path, good.path);
    expect(status).toBe(3);
    expect(stdout).toMatch(new RegExp(`^${good.path} +– +done`, 'm'));
    expect(stdout).toMatch(new RegExp(`^${bad.loop.path} +– +failed .*EIO.*: it does not boot`, 'm'));
  });

  it('because of Ctrl-C does not boot, and ends it with 130', async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    await using card = await FaultyCard.plugIn(home, 'slow', SIZE, {
      onWrite: (written) => written > 6 * MIB && resolve(),
    });
    const child = start('--yes', 'skyminer.img', card.loop.path);
    const [out] = [text(child.stdout)];
    await begun;
    child.kill('SIGINT');
    const [status] = await once(child, 'exit');
    expect([status, await out]).toEqual([
      130,
      expect.stringMatching(/ stopped .*ended by SIGINT: it does not boot/),
    ]);
    expect((await card.bytesAt(0, MIB)).every((byte) => byte === 0)).toBe(true);
  });
});

describe('skyminer flash --rack', () => {
  beforeEach(() => cp(join(common, 'rack'), join(home, 'rack'), { recursive: true }));

  it('makes the cards of boards, and moves their keys there', async () => {
    const identity = await readFile(join(home, 'rack/boards/node2.key'), 'utf8');
    const [one, two] = [await newCard('one'), await newCard('two')];
    const words = ['--yes', '--rack', 'rack/rack.yaml', '--board', 'node1', '--board', 'node2'];
    const { status, stdout, stderr } = await skyminer('skyminer.img', one.path, two.path, ...words);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^${two.path} +node2 +done`, 'm'));
    await expectBoard(one, 'node1');
    await expectBoard(two, 'node2', identity);
    expect(await readdir(join(home, 'rack/boards'))).toEqual([]);
    const again = await skyminer('skyminer.img', one.path, '--yes', '--rack', 'rack', '--board', 'node1');
    expect([again.status, again.stderr]).toEqual([
      1,
      expect.stringContaining("'skyminer rack replace node1'"),
    ]);
  });

  it('leaves the keys of a card that failed where they are', async (context) => {
    if (noFaults !== undefined) context.skip(noFaults);
    await using bad = await FaultyCard.plugIn(home, 'bad', SIZE, { flipAt: PLACES.data.at + 4096 });
    const { status } = await skyminer(
      'skyminer.img',
      bad.loop.path,
      '--yes',
      '--rack',
      'rack',
      '--board',
      'node1',
    );
    expect(status).toBe(3);
    expect(await readdir(join(home, 'rack/boards'))).toContain('node1.key');
    expect(await readdir(scratch())).toEqual([]);
  });

  it('has no file with the keys of a board any more when its card is written', async (context) => {
    if (noFaults !== undefined) context.skip(noFaults);
    const seen = new Set<string>();
    const onWrite = () => {
      for (const folder of readdirSync(scratch()))
        for (const name of ['held.img', 'node1.img'])
          if (existsSync(join(scratch(), folder, name))) seen.add(name);
    };
    await using card = await FaultyCard.plugIn(home, 'card', SIZE, { onWrite });
    const words = ['--yes', '--rack', 'rack', '--board', 'node1'];
    const { status } = await skyminer('skyminer.img', card.loop.path, ...words);
    expect(status).toBe(0);
    expect(seen).toContain('held.img');
    expect(seen).not.toContain('node1.img');
  });

  it('writes nothing of an image without partitions for boards, and ends with 1', async () => {
    const card = await newCard('card');
    await writeFile(join(home, 'plain.img'), Buffer.alloc(4 * MIB, 'plain'));
    const words = ['--yes', '--rack', 'rack', '--board', 'node1'];
    const { status, stderr } = await skyminer('plain.img', card.path, ...words);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^skyminer: plain\.img: no partition table, .*: nothing was written$/m),
    ]);
    expect((await readFile(card.path)).equals(Buffer.alloc(SIZE, 'junk'))).toBe(true);
    expect(await readdir(scratch())).toEqual([]);
  });

  it('says which keys of a card that is done cannot be removed, and ends with 0', async () => {
    const card = await newCard('card');
    await run('mount', ['--bind', '--options', 'ro', join(home, 'rack'), join(home, 'rack')]);
    try {
      const words = ['--yes', '--rack', 'rack', '--board', 'node1'];
      const { status, stdout, stderr } = await skyminer('skyminer.img', card.path, ...words);
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`^${card.path} +node1 +done`, 'm'));
      expect(stderr).toMatch(/^skyminer: a secret key of node1 is on its card, and still in .*node1\.key: /m);
    } finally {
      await run('umount', [join(home, 'rack')]);
    }
  });

  it('takes the cards of all boards in turn, as they are put in', async (context) => {
    if (!hasSocat) context.skip('socat is not installed');
    await using terminal = await PtyProgram.start(
      'cd "$HOME"; "$NODE" "$MAIN" flash skyminer.img --rack rack; echo "status $?"',
      { HOME: home, NODE: process.execPath, MAIN: main },
    );
    for (const [index, board] of ['node1', 'node2'].entries()) {
      await terminal.transcript.waitFor(
        new RegExp(`Put in the card of ${board} \\(${index + 1} of 2\\)`),
        PATIENCE_MS,
      );
      const card = await newCard(board);
      await takeCard(terminal, card, board);
      await terminal.transcript.waitFor(new RegExp(`Take it out: it is the card of ${board}`), PATIENCE_MS);
      await expectBoard(card, board);
    }
    await terminal.transcript.waitFor(/status 0/, PATIENCE_MS);
  });
});

async function newCard(name: string, size = SIZE): Promise<LoopDevice> {
  const file = join(home, `${name}.card`);
  await fillWithJunk(file, size);
  return cards.use(await LoopDevice.attach(file));
}

async function expectBoard(card: LoopDevice, board: string, identity?: string): Promise<void> {
  await run('sync', [card.path]);
  const file = await run('mtype', ['-i', `${card.file}@@${PLACES.boot.at}`, '::board.yaml']);
  expect(readBoardFile(file.stdout)).toMatchObject({ board });
  const key = await run('debugfs', [
    '-R',
    'cat /skyminer/identity.key',
    `${card.file}?offset=${PLACES.data.at}`,
  ]);
  if (identity === undefined) expect(key.stdout).toMatch(/^[0-9a-f]{128}\n$/);
  else expect(key.stdout).toBe(identity);
  const part = join(home, 'data.part');
  await using from = await open(card.file);
  const { at, size } = PLACES.data;
  await writeFile(part, (await from.read(Buffer.alloc(size), 0, size, at)).buffer);
  await run('e2fsck', ['-f', '-n', part]);
}

/** For what the command puts away while it runs. */
function scratch(): string {
  return join(home, 'tmp');
}

function start(...words: string[]) {
  const env = { ...process.env, HOME: home, TMPDIR: scratch() };
  return spawn(process.execPath, [main, 'flash', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: home,
    env,
  });
}

/** Not waited for by blocking: this process may be what the card is. */
async function skyminer(...words: string[]) {
  const child = start(...words);
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { status, stdout, stderr };
}
