import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { SerialPort } from 'serialport';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPort } from '../../../../services/viscript/serial/port.ts';

let folder: string;
let cable: ChildProcess;
let near: SerialPort;
let far: SerialPort;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyminer-port-'));
  const ends = ['near', 'far'].map((name) => join(folder, name));
  cable = spawn('socat', ['-dd', ...ends.map((end) => `pty,raw,echo=0,link=${end}`)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (cable.stderr === null) throw new Error('socat was not started');
  for await (const line of createInterface(cable.stderr)) if (/starting data transfer/.test(line)) break;
  cable.stderr.resume();
  const [one = '', other = ''] = ends;
  near = await openPort({ path: one, baudRate: 115_200 });
  far = await openPort({ path: other, baudRate: 115_200 });
});

afterEach(async () => {
  for (const port of [near, far]) if (port.isOpen) port.close();
  cable.kill();
  await rm(folder, { recursive: true, force: true });
});

describe('a serial port', () => {
  it('goes on with a write into a full line, also when something came in meanwhile', async () => {
    const sent = Buffer.alloc(1024 * 1024, 'x');
    near.resume();
    near.write(sent);
    // Nobody reads at the far end, so the write waits; the near end now begins to wait for input as well.
    far.write('hello');
    await once(near, 'data');
    let received = 0;
    for await (const chunk of far) {
      received += chunk.length;
      if (received === sent.length) break;
    }
    expect(received).toBe(sent.length);
  });

  it('closes when the line is hung up', async () => {
    near.resume();
    const closed = once(near, 'close');
    cable.kill('SIGKILL');
    await closed;
    expect(near.isOpen).toBe(false);
  });
});
