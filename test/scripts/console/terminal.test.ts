import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { constants, openSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SerialLine } from '../../../services/viscript/serial/line.ts';
import { hasSocat } from '../../services/viscript/terminal/pty.ts';
import { Transcript } from '../../services/viscript/terminal/transcript.ts';
import type { PluggedAdapter } from './machine.ts';
import { DEADLINE_MS, type Person, Rig } from './rig.ts';

/** Containers may not trace. */
const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const HUB = 'pci0000:00/0000:00:14.0/usb1/1-2';

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.open();
});

afterEach(() => rig[Symbol.asyncDispose]());

function adapter(port: number, tty: string): PluggedAdapter {
  return { at: `${HUB}/1-2.${port}`, driver: 'ftdi_sio', ports: [{ tty, interface: 0, port: 0 }] };
}

async function callIt(names: Record<string, string>): Promise<void> {
  const folder = join(rig.folder, 'skyminer');
  await mkdir(folder, { recursive: true });
  const lines = Object.entries(names).map(([name, port]) => `  ${name}: ${port}\n`);
  await writeFile(join(folder, 'consoles.yaml'), `consoles:\n${lines.join('')}`);
}

/** Lists the boards until one has said what is waited for. */
async function listed(person: Person, pattern: RegExp): Promise<string> {
  for (;;) {
    person.type('\x1dl');
    const list = await person.sees(/BOARD[\s\S]*node3[^\n]*\n/);
    if (pattern.test(list)) return list;
  }
}

describe.skipIf(!hasSocat)('skyminer console on a terminal (needs socat)', () => {
  it('talks to a board by its name and leaves the terminal as it was', async () => {
    const pair = await rig.pair();
    await rig.machine.plugIn(adapter(3, 'ttyUSB0'), { ttyUSB0: pair.near });
    await callIt({ node3: '1-2.3' });
    const far = await rig.far(pair);
    const person = rig.onTerminal('node3');
    await person.sees(/node3: connected to \S+ttyUSB0/);
    far.say('viscript@node3> ');
    await person.sees(/viscript@node3> /);
    person.type('apps\r\x03\x1d\x1d');
    await far.hears(/apps[\s\S]{3}/);
    expect(far.heard.text).toBe('apps\r\x03\x1d');
    far.say('\x1b[?1049h\x1b[?1003h\x1b[?2004h\x1b[?25lfull screen');
    await person.sees(/full screen/);
    expect(await person.leave()).toEqual({ status: 0, sameSettings: true });
    // The alternate screen is left, and what was there before it is there again.
    expect(await person.screen()).toMatch(/viscript@node3>[\s\S]*STATUS 0/);
    expect(await person.screen()).not.toContain('full screen');
    const modes = ['1049', '1003', '2004'].map((mode) =>
      person.transcript.text.lastIndexOf(`\x1b[?${mode}l`),
    );
    expect(Math.min(...modes)).toBeGreaterThan(0);
    expect(person.transcript.text).toContain('\x1b[?25h');
  });

  it('waits for a port that is not there, and goes on after it was unplugged and plugged in as another device', async () => {
    const pair = await rig.pair();
    const person = rig.onTerminal('1-2.3', '--log');
    await person.sees(/1-2\.3: not there yet/);
    await rig.machine.plugIn(adapter(3, 'ttyUSB0'), { ttyUSB0: pair.near });
    await person.sees(/\[\d\d:\d\d:\d\d\] 1-2\.3: connected to \S+ttyUSB0/);
    let far = await rig.far(pair);
    person.type('one');
    await far.hears(/one/);
    far.say('still here\r\n');
    await person.sees(/still here/);
    await far.close();
    await pair.unplug();
    await rig.machine.unplug(adapter(3, 'ttyUSB0'));
    await person.sees(/\[\d\d:\d\d:\d\d\] 1-2\.3: unplugged/);
    // Something else takes the device's name meanwhile, in another socket.
    const other = await rig.pair();
    await rig.machine.plugIn(adapter(4, 'ttyUSB0'), { ttyUSB0: other.near });
    await pair.plugIn();
    await rig.machine.plugIn(adapter(3, 'ttyUSB1'), { ttyUSB1: pair.near });
    await person.sees(/1-2\.3: connected to \S+ttyUSB1/);
    far = await rig.far(pair);
    person.type('two');
    await far.hears(/two/);
    expect((await person.leave()).status).toBe(0);
    const [log = ''] = await readdir(join(rig.folder, 'skyminer/console'));
    expect(log).toMatch(/^1-2\.3-\d{4}-\d\d-\d\d\.log$/);
    const text = await readFile(join(rig.folder, 'skyminer/console', log), 'utf8');
    expect(text).toMatch(
      /connected to .*ttyUSB0[\s\S]*Z still here\n[\s\S]*unplugged[\s\S]*connected to .*ttyUSB1/,
    );
  });

  it('does not give up on an adapter that came later and cannot be had at first', async () => {
    const pair = await rig.pair();
    const person = rig.onTerminal('1-2.3');
    await person.sees(/1-2\.3: not there yet/);
    const other = await SerialLine.open(pair.near, 115_200);
    await rig.machine.plugIn(adapter(3, 'ttyUSB0'), { ttyUSB0: pair.near });
    await person.sees(/1-2\.3: \S+ttyUSB0 is in use by another program/);
    await other.close();
    await person.sees(/1-2\.3: connected to \S+ttyUSB0/);
    expect((await person.leave()).status).toBe(0);
  });

  it('notices that a link leads elsewhere now', async () => {
    const [one, other] = [await rig.pair(), await rig.pair()];
    const link = join(rig.folder, 'board');
    await symlink(await readlink(one.near), link);
    const person = rig.onTerminal(link);
    await person.sees(/connected to/);
    await symlink(await readlink(other.near), `${link}.new`);
    await rename(`${link}.new`, link);
    await person.sees(/unplugged[\s\S]*connected to/);
    const far = await rig.far(other);
    person.type('over there');
    await far.hears(/over there/);
    await person.leave();
    await rm(link);
  });

  it('has several boards: switches, keeps what the others say, and lists all', async () => {
    const [one, two] = [await rig.pair(), await rig.pair()];
    await rig.machine.plugIn(adapter(1, 'ttyUSB0'), { ttyUSB0: one.near });
    await rig.machine.plugIn(adapter(2, 'ttyUSB1'), { ttyUSB1: two.near });
    await callIt({ node1: '1-2.1', node2: '1-2.2', node3: '1-2.3' });
    const [far1, far2] = [await rig.far(one), await rig.far(two)];
    const person = rig.onTerminal();
    await person.sees(/talking to node1 \(1 of 3\) at 1-2\.1/);
    await person.sees(/node1: connected/);
    person.type('for one');
    await far1.hears(/for one/);
    person.type('\x1dn');
    await person.sees(/talking to node2 \(2 of 3\)[\s\S]*node2: connected/);
    person.type('for two');
    await far2.hears(/for two/);
    person.type('\x1d1');
    await person.sees(/talking to node1 \(1 of 3\)/);
    far2.say('\x1b[6n\x1b[2Jsaid meanwhile\r\n\x1b[31mnode2 login: ');
    far1.say('seen by node1\r\n');
    await person.sees(/seen by node1/);
    const list = await listed(person, /node2 login:/);
    expect(person.transcript.text).not.toContain('said meanwhile');
    expect(list).toMatch(/>1 +node1 +connected \S+ ttyUSB0 +15 B +7 B +seen by node1\r?\n/);
    expect(list).toMatch(/ 2 +node2 +connected .*node2 login:/);
    expect(list).toMatch(/ 3 +node3 +waiting \S+ not there yet/);
    expect(list.slice(list.indexOf('BOARD'))).not.toContain('\x1b');
    person.type('\x1d2');
    await person.sees(/talking to node2[\s\S]*said meanwhile\r\n\S*node2 login: /);
    // Nobody answers now what the board asked then.
    expect(person.transcript.text).not.toContain('\x1b[6n');
    far2.say('\x1b[6n');
    await person.sees(/\[6n/);
    person.type('\x1d9\x1dZ\x1d?');
    await person.sees(/there is no board 9[\s\S]*no such key[\s\S]*sends a break/);
    expect(await person.leave()).toEqual({ status: 0, sameSettings: true });
  });

  it('loses nothing of a long paste to a board that reads slowly', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    far.hold();
    const person = rig.onTerminal(pair.near);
    await person.sees(/connected/);
    const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line}\r`).join('');
    person.type(lines);
    person.type('\x1dt');
    await far.full();
    // The keyboard is still listened to while all of that waits.
    await person.sees(/times: on/);
    far.goOn();
    await far.hears(/line 19999\r/);
    expect(far.heard.text).toBe(lines);
    await person.leave();
  });

  it('shows times, echo, hexadecimal and mapped bytes', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const person = rig.onTerminal(pair.near, '-t', '-e', '--map', 'OCRNL,INLCRNL');
    await person.sees(/connected/);
    far.say('one\ntwo\n');
    await person.sees(/\[\d\d:\d\d:\d\d\.\d{3}\] one\r\n\[\d\d:\d\d:\d\d\.\d{3}\] two\r\n/);
    person.type('typed\r');
    await far.hears(/typed\n/);
    await person.sees(/typed/);
    person.type('\x1dt\x1dh');
    await person.sees(/hexadecimal: on/);
    far.say(Buffer.from([0, 255, 10]));
    await person.sees(/00 ff 0d 0a/);
    person.type('4a4B0a');
    await far.hears(/JK\n/);
    await person.leave();
  });

  it('refuses a port that another program has, and says so', async () => {
    const pair = await rig.pair();
    const holder = rig.onTerminal(pair.near);
    await holder.sees(/connected/);
    const second = rig.onTerminal(pair.near);
    expect((await second.left()).status).toBe(1);
    expect(second.transcript.text).toMatch(
      /is held by another 'skyminer console'; 'skyminer console --watch/,
    );
    // By another name of the same line only the lock tells.
    const third = rig.onTerminal(await readlink(pair.near));
    expect((await third.left()).status).toBe(1);
    expect(third.transcript.text).toMatch(/is in use by another program/);
    await holder.leave();
  });

  it('ends with what went wrong, and its log whole, when its output is gone', async () => {
    const pair = await rig.pair();
    const far = await rig.far(pair);
    const fifo = join(rig.folder, 'fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    // Open for both, so that it is open before anybody writes.
    const shown = new Socket({
      fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK),
      writable: false,
    });
    const transcript = new Transcript();
    shown.on('data', transcript.add);
    const logs = join(rig.folder, 'logs');
    const person = rig.showingElsewhere(`> ${fifo}`, pair.near, '--log-folder', logs);
    await transcript.waitFor(/connected/, DEADLINE_MS);
    const closed = once(shown, 'close');
    shown.destroy();
    await closed;
    far.say('unfinished');
    expect(await person.left()).toEqual({ status: 1, sameSettings: true });
    expect(person.transcript.text).toMatch(
      /skyminer: the terminal takes nothing any more: write EPIPE\r\nSTATUS/,
    );
    const [log = ''] = await readdir(logs);
    expect(await readFile(join(logs, log), 'utf8')).toMatch(/Z unfinished\n$/);
    const sockets = await readdir(join(rig.folder, 'skyminer-console'));
    expect(sockets.filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  it('ends with status 1 when it is not to wait', async () => {
    const pair = await rig.pair();
    const nothing = rig.onTerminal('--no-reconnect', '1-9');
    expect((await nothing.left()).status).toBe(1);
    expect(nothing.transcript.text).toContain('1-9: not there yet');
    const person = rig.onTerminal('--no-reconnect', pair.near);
    await person.sees(/connected/);
    await pair.unplug();
    expect(await person.left()).toEqual({ status: 1, sameSettings: true });
  });

  it.skipIf(!canTrace)('sends a break, and says where the line carries none (needs strace)', async () => {
    const pair = await rig.pair();
    const trace = join(rig.folder, 'trace');
    const person = rig.traced(trace, pair.near);
    await person.sees(/connected/);
    person.type('\x1db');
    // A pty knows no lines of a modem, which the library also sets.
    await person.sees(/this line cannot carry a break/);
    expect(await readFile(trace, 'utf8')).toMatch(/ioctl\(\d+, TIOCSBRK/);
    expect((await person.leave()).status).toBe(0);
  });
});
