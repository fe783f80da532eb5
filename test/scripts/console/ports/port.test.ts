import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listPorts } from '../../../../scripts/console/list.ts';
import type { Names } from '../../../../scripts/console/names-file.ts';
import { allPorts, portsOf } from '../../../../scripts/console/ports/port.ts';
import { Machine } from '../machine.ts';

const AT = 'pci0000:00/0000:00:14.0/usb1/1-2';

let machine: Machine;
let device: string;
let byId: string;

beforeEach(async () => {
  machine = await Machine.make();
  const { dev, sys } = machine.roots;
  await writeFile(join(sys, 'node'), '');
  const ports = [{ tty: 'ttyUSB0', interface: 0, port: 0 }];
  await machine.plugIn({ at: AT, driver: 'ftdi_sio', ports }, { ttyUSB0: join(sys, 'node') });
  device = join(dev, 'ttyUSB0');
  byId = join(dev, 'serial/by-id/usb-FTDI-if00-port0');
  await mkdir(join(dev, 'serial/by-id'), { recursive: true });
  await symlink('../../ttyUSB0', byId);
});

afterEach(() => machine[Symbol.asyncDispose]());

function called(port: string): Names {
  return new Map([['node1', { port, baud: 9600 }]]);
}

describe('a port', () => {
  it('is opened once, whichever of its socket, device and links has the name', async () => {
    for (const place of ['1-2', 'usb-0000:00:14.0-2', device, byId]) {
      const ports = await allPorts(called(place), machine.roots);
      expect(ports.map(({ label }) => label)).toEqual(['node1']);
      const listed = await listPorts(called(place), machine.roots);
      expect(listed).toMatchObject([{ name: 'node1', socket: '1-2', device }]);
    }
  });

  it('has its name and rate by whatever it is called', async () => {
    for (const place of ['1-2', 'usb-0000:00:14.0-2', device, byId]) {
      for (const word of ['node1', '1-2', 'usb-0000:00:14.0-2', 'ttyUSB0', device, byId]) {
        const ports = await portsOf([word], called(place), machine.roots);
        expect(ports).toMatchObject([{ label: 'node1', place, baud: 9600 }]);
      }
    }
  });

  it('is not taken twice', async () => {
    const twice = portsOf(['1-2', byId], new Map(), machine.roots);
    await expect(twice).rejects.toThrow(`${byId} and 1-2 are the same port.`);
    // Of empty sockets nobody knows more than the names.
    const empty = await portsOf(['1-8', 'usb-0000:00:14.0-9'], new Map(), machine.roots);
    expect(empty).toHaveLength(2);
  });
});
