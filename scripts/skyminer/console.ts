import { SerialPort } from 'serialport';
import { attach, ConsoleError, SerialConsole } from '../../image/qemu/index.ts';
import { abortOnSignals } from '../lib/program.ts';

/** `skyminer console`: this terminal on a serial port until Ctrl-] or the port is gone; or the list of ports. */
export async function openConsole(port: string | undefined): Promise<void> {
  if (port === undefined) {
    await listPorts();
    return;
  }
  await using line = await open(port);
  process.stdout.write(`Attached to ${port}. Ctrl-] leaves.\n`);
  const end = await attach(line, { input: process.stdin, output: process.stdout, signal: abortOnSignals() });
  process.stdout.write(end === 'closed' ? `\n${port} is gone.\n` : '\n');
}

async function open(port: string): Promise<SerialConsole> {
  try {
    return await SerialConsole.open(port);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Error: /, '') : String(error);
    const hint = reason.startsWith('Permission denied') ? "; add your user to the group 'dialout'" : '';
    throw new ConsoleError(`${port}: ${reason}${hint}`, { cause: error });
  }
}

async function listPorts(): Promise<void> {
  const ports = await SerialPort.list().catch((error: unknown) => {
    throw new ConsoleError("Ports are listed with udevadm: 'apt-get install udev', or name the port.", {
      cause: error,
    });
  });
  if (ports.length === 0) process.stdout.write('No serial port was found.\n');
  for (const { path, manufacturer, serialNumber } of ports) {
    const detail = [manufacturer, serialNumber].filter((text) => text !== undefined).join(' ');
    process.stdout.write(`${path}${detail === '' ? '' : `  ${detail}`}\n`);
  }
}
