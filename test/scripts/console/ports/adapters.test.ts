import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findAdapters } from '../../../../scripts/console/ports/adapters.ts';
import { isSocketName } from '../../../../scripts/console/ports/socket.ts';
import { Machine, type PluggedAdapter } from '../machine.ts';

const BUS = 'pci0000:00/0000:00:14.0/usb1';
const HUB = `${BUS}/1-2/1-2.4`;

let machine: Machine;

beforeEach(async () => {
  machine = await Machine.make();
});

afterEach(() => machine[Symbol.asyncDispose]());

function cheap(at: string, tty: string): PluggedAdapter {
  return { at, id: '1a86:7523', driver: 'ch341-uart', ports: [{ tty, interface: 0, port: 0 }] };
}

async function sockets(): Promise<Record<string, string>> {
  const found = await findAdapters(machine.roots);
  return Object.fromEntries(
    found.map(({ name, device }) => [name, device.slice(device.lastIndexOf('/') + 1)]),
  );
}

describe('findAdapters', () => {
  it('says what is known of an adapter, and leaves out ports on the board', async () => {
    await machine.plugIn({
      at: `${HUB}/1-2.4.3`,
      product: 'FT232R USB UART',
      serial: 'A50285BI',
      driver: 'ftdi_sio',
      ports: [{ tty: 'ttyUSB0', interface: 0, port: 0 }],
    });
    expect(await findAdapters(machine.roots)).toEqual([
      {
        name: '1-2.4.3',
        byController: 'usb-0000:00:14.0-2.4.3',
        topology: `${HUB}/1-2.4.3/1-2.4.3:1.0`,
        device: `${machine.roots.dev}/ttyUSB0`,
        driver: 'ftdi_sio',
        id: '0403:6001',
        product: 'FT232R USB UART',
        serial: 'A50285BI',
      },
    ]);
  });

  it('tells two equal adapters without serial numbers by their sockets', async () => {
    await machine.plugIn(cheap(`${HUB}/1-2.4.1`, 'ttyUSB0'));
    await machine.plugIn(cheap(`${HUB}/1-2.4.2`, 'ttyUSB1'));
    expect(await sockets()).toEqual({ '1-2.4.1': 'ttyUSB0', '1-2.4.2': 'ttyUSB1' });
  });

  it('keeps the name of a socket when adapters come back in another order', async () => {
    const [one, two] = [cheap(`${HUB}/1-2.4.1`, 'ttyUSB0'), cheap(`${HUB}/1-2.4.2`, 'ttyUSB1')];
    await machine.plugIn(one);
    await machine.plugIn(two);
    await machine.unplug(one);
    await machine.unplug(two);
    expect(await sockets()).toEqual({});
    await machine.plugIn(cheap(`${HUB}/1-2.4.2`, 'ttyUSB0'));
    await machine.plugIn(cheap(`${HUB}/1-2.4.1`, 'ttyUSB1'));
    expect(await sockets()).toEqual({ '1-2.4.1': 'ttyUSB1', '1-2.4.2': 'ttyUSB0' });
    // In another socket the same adapter has another name.
    await machine.unplug(cheap(`${HUB}/1-2.4.1`, 'ttyUSB1'));
    await machine.plugIn(cheap(`${BUS}/1-3`, 'ttyUSB1'));
    expect(await sockets()).toEqual({ '1-2.4.2': 'ttyUSB0', '1-3': 'ttyUSB1' });
  });

  it('names every port of adapters with several: by interface, by port, and where the driver says no number', async () => {
    const four = [0, 1, 2, 3].map((number) => ({ tty: `ttyUSB${number}`, interface: number, port: 0 }));
    await machine.plugIn({ at: `${BUS}/1-1`, id: '0403:6011', driver: 'ftdi_sio', ports: four });
    const eight = [0, 1, 2, 3, 4, 5, 6, 7].map((number) => {
      return { tty: `ttyUSB${4 + number}`, interface: 0, port: number };
    });
    await machine.plugIn({ at: `${BUS}/1-2`, id: '1a86:55d9', driver: 'ch348', ports: eight });
    // The maker's own driver has the terminals on the interface itself.
    const own = [9, 10].map((number) => ({ tty: `ttyCH9344USB${number}`, interface: 0 }));
    await machine.plugIn({ at: `${BUS}/1-3`, id: '1a86:55d9', driver: 'usb_ch9344', ports: own });
    const found = await sockets();
    expect(found).toMatchObject({ '1-1': 'ttyUSB0', '1-1:1.1': 'ttyUSB1', '1-1:1.3': 'ttyUSB3' });
    expect(found).toMatchObject({
      '1-2': 'ttyUSB4',
      '1-2:1.0-port1': 'ttyUSB5',
      '1-2:1.0-port7': 'ttyUSB11',
    });
    expect(found).toMatchObject({ '1-3': 'ttyCH9344USB9', '1-3:1.0-port1': 'ttyCH9344USB10' });
    for (const name of Object.keys(found)) expect(isSocketName(name)).toBe(true);
  });

  it('tells the same port of two controllers apart, whatever numbers their buses have', async () => {
    await machine.plugIn(cheap(`${BUS}/1-2`, 'ttyUSB0'));
    await machine.plugIn(cheap('pci0000:00/0000:00:1c.0/0000:02:00.0/usb3/3-2', 'ttyUSB1'));
    const [one, other] = await findAdapters(machine.roots);
    expect([one?.byController, other?.byController]).toEqual(['usb-0000:00:14.0-2', 'usb-0000:02:00.0-2']);
    expect(isSocketName('usb-0000:02:00.0-2')).toBe(true);
    expect(isSocketName('usb-xhci-hcd.1.auto-1.4:1.2')).toBe(true);
  });

  it('makes harmless what an adapter says of itself', async () => {
    const hostile = '\x1b]0;owned\x07\x1b[2Jnice\u202eadapter';
    await machine.plugIn({ ...cheap(`${BUS}/1-1`, 'ttyUSB0'), product: hostile, serial: 'x'.repeat(10_000) });
    const [adapter] = await findAdapters(machine.roots);
    expect(adapter?.product).toBe('nice<U+202E>adapter');
    expect(adapter?.serial.length).toBeLessThanOrEqual(128);
  });
});
