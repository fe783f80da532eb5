import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { DEADLINE_MS, Person, Rig } from './rig.ts';

const BUS = 'pci0000:00/0000:00:14.0/usb1';
const ADAPTER = { at: `${BUS}/1-2`, driver: 'ftdi_sio', ports: [{ tty: 'ttyUSB0', interface: 0, port: 0 }] };

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.open();
});

afterEach(() => rig[Symbol.asyncDispose]());

describe.skipIf(!hasSocat)('skyminer console with pipes (needs socat)', () => {
  it('sends its input, shows the answer, and ends when the board is quiet', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const run = rig.piped(pair.near, '--wait-quiet', '1');
    const ended = run.end('apps\n');
    await far.hears(/apps\n/);
    far.say('apptracker - finds apps\r\n');
    expect(await ended).toBe(0);
    expect(run.stdout.text).toBe('apptracker - finds apps\r\n');
    expect(run.stderr.text).toBe('');
  });

  it('sends a long input whole to a board that reads slowly', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    far.hold();
    const run = rig.piped(pair.near, '--wait-quiet', '0');
    const text = Array.from({ length: 50_000 }, (_, line) => `line ${line}\n`).join('');
    const ended = run.end(text);
    await far.full();
    far.goOn();
    await far.hears(/line 49999\n/);
    expect(await ended).toBe(0);
    expect(far.heard.text).toBe(text);
  });

  it('fails when the line is lost, when it is interrupted, and for anything but one port', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const lost = rig.piped(pair.near);
    lost.type('x');
    await far.hears(/x/);
    await far.close();
    await pair.unplug();
    expect(await lost.exited).toBe(1);
    expect(lost.stderr.text).toContain('the line was lost before the end');
    const waiting = rig.piped('1-9');
    await waiting.stderr.waitFor(/not there yet/, DEADLINE_MS);
    waiting.child.kill('SIGTERM');
    expect(await waiting.exited).toBe(1);
    const two = rig.piped('1-8', '1-9');
    expect(await two.end()).toBe(2);
    expect(two.stderr.text).toContain('goes to one port, and here are 2');
  });

  it('keeps every line that a board has ended in the log, when it is killed in the middle', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const logs = join(rig.folder, 'logs');
    const run = rig.piped(pair.near, '--log-folder', logs);
    run.type('x');
    await far.hears(/x/);
    far.say(Array.from({ length: 500 }, (_, line) => `line ${line}\r\n`).join(''));
    await run.stdout.waitFor(/line 499\r\n/, DEADLINE_MS);
    await run[Symbol.asyncDispose]();
    const [name = ''] = await readdir(logs);
    const lines = (await readFile(join(logs, name), 'utf8')).split('\n');
    expect(lines.filter((line) => /Z line \d+$/.test(line))).toHaveLength(500);
  });
});

describe.skipIf(!hasSocat)('a log that the disk does not take (needs socat)', () => {
  it('is told on standard error', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const file = join(rig.folder, 'file');
    await writeFile(file, '');
    const run = rig.piped(pair.near, '--log-folder', join(file, 'logs'), '--wait-quiet', '0');
    const ended = run.end('x');
    await far.hears(/x/);
    expect(await ended).toBe(0);
    expect(run.stderr.text).toMatch(/^\S+near: the log cannot be written: ENOTDIR[^\n]*\n$/);
    expect(run.stdout.text).toBe('');
  });
});

describe('skyminer console --list', () => {
  it('shows adapters with their names, and names of what is not there', async () => {
    await rig.machine.plugIn({ ...ADAPTER, product: 'FT232R', serial: 'A1' });
    await mkdir(join(rig.folder, 'skyminer'));
    const names = 'consoles: {node1: 1-2, node2: 1-3, board: /dev/ttyS0}\n';
    await writeFile(join(rig.folder, 'skyminer/consoles.yaml'), names);
    const list = rig.piped('--list');
    expect(await list.end()).toBe(0);
    expect(list.stdout.text.replaceAll(/ +/g, ' ')).toBe(
      `NAME SOCKET DEVICE DRIVER ID SERIAL PRODUCT TOPOLOGY
node1 1-2 ${rig.machine.roots.dev}/ttyUSB0 ftdi_sio 0403:6001 A1 FT232R ${BUS}/1-2/1-2:1.0
node2 1-3 - - - - - -
board /dev/ttyS0 /dev/ttyS0 - - - - -
`,
    );
    const json = rig.piped('--list', '--json');
    expect(await json.end()).toBe(0);
    expect(JSON.parse(json.stdout.text)).toMatchObject([
      { name: 'node1', socket: '1-2', byController: 'usb-0000:00:14.0-2' },
      { name: 'node2' },
      { name: 'board' },
    ]);
  });

  it('says where a file of names is wrong, and which name was meant', async () => {
    const file = join(rig.folder, 'names.yaml');
    await writeFile(file, 'consoles:\n  node1: nonsense\n');
    const wrong = rig.piped('--names', file, '--list');
    expect(await wrong.end()).toBe(1);
    expect(wrong.stderr.text).toContain(`${file}:2:10:`);
    await writeFile(file, 'consoles:\n  node1: 1-2\n');
    const typo = rig.piped('--names', file, 'nod1');
    expect(await typo.end()).toBe(1);
    expect(typo.stderr.text).toContain('Did you mean node1?');
  });
});

const hasTio = spawnSync('tio', ['--version']).status === 0;

describe.skipIf(!hasSocat || !hasTio)('skyminer console --export-tio (needs socat and tio)', () => {
  it('writes names that tio knows, beside what the owner has in its file', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    await rig.machine.plugIn(ADAPTER, { ttyUSB0: pair.near });
    const byPath = join(rig.machine.roots.dev, 'serial/by-path');
    await mkdir(byPath, { recursive: true });
    await symlink('../../ttyUSB0', join(byPath, 'pci-0000:00:14.0-usb-0:2:1.0-port0'));
    await mkdir(join(rig.folder, 'skyminer'));
    await writeFile(join(rig.folder, 'skyminer/consoles.yaml'), 'consoles: {node1: 1-2, node2: 1-3}\n');
    await mkdir(join(rig.folder, 'tio'));
    const file = join(rig.folder, 'tio/config');
    await writeFile(file, '[own]\ndevice = /dev/null\n');
    for (let round = 0; round < 2; round++) {
      const run = rig.piped('--export-tio', '--out', file);
      expect(await run.end()).toBe(0);
    }
    const config = await readFile(file, 'utf8');
    expect(config).toContain('[own]\ndevice = /dev/null\n');
    expect(config.match(/^\[node1\]$/gm)).toHaveLength(1);
    expect(config).toContain('# node2: nothing is plugged into 1-3 now');

    await using tio = new Person(['tio', 'node1'], { ...rig.environment, HOME: rig.folder });
    await tio.sees(/Connected/);
    far.say('hello tio\r\n');
    await tio.sees(/hello tio/);
    // What tio has locked we do not take, and do not change.
    const second = rig.onTerminal('node1');
    expect((await second.left()).status).toBe(1);
    expect(second.transcript.text).toContain('is in use by another program');
    tio.type('\x14q');
    await tio.sees(/STATUS 0/);
  });

  it("changes nothing where a name is the owner's own in tio", async () => {
    const file = join(rig.folder, 'config');
    await writeFile(file, '[1-2]\ndevice = /dev/null\n');
    await rig.machine.plugIn(ADAPTER);
    const run = rig.piped('--export-tio', '--out', file);
    expect(await run.end()).toBe(1);
    expect(run.stderr.text).toContain('has a section [1-2] of its own');
    expect(await readFile(file, 'utf8')).toBe('[1-2]\ndevice = /dev/null\n');
  });
});
