import { Backoff } from '../../signal/backoff.ts';
import type { ControlClient } from '../control/client.ts';
import type { History } from '../terminal/history.ts';
import { Terminal } from '../terminal/terminal.ts';
import { SerialLine, waitForDevice } from './line.ts';
import { BOARD_RESCUE, type RescueCommands } from './rescue.ts';
import { SupervisorLink } from './supervisor-link.ts';

export interface SerialConsoleOptions {
  /** Path of the serial device. */
  device: string;
  /** Default 115200; always 8N1. */
  baudRate?: number;
  /** Connects to the supervisor; rejects when there is none. */
  connect: () => Promise<ControlClient>;
  history: History;
  /** Default: a board's. */
  rescue?: RescueCommands;
  /** How long a supervisor that starts at the same time may take before the console says that it is down. Default 0. */
  patienceMs?: number;
  color: boolean;
  /** A terminal that knows no escape sequences. */
  dumb?: boolean;
  /** Width of the terminal at the other end, which nobody can ask; default 80. */
  columns?: number;
  /** Told what the console is doing, first when it is at work. */
  onStatus?: (status: string) => void;
  /** Ends the console. */
  signal: AbortSignal;
}

/** The terminal on a serial line, for as long as `signal` is not aborted: the line and the supervisor may come and go. */
export async function runSerialConsole(options: SerialConsoleOptions): Promise<void> {
  const { device, baudRate = 115_200, connect, rescue = BOARD_RESCUE, color, columns = 80, signal } = options;
  const link = new SupervisorLink({
    ...{ connect, rescue, color, columns: () => columns },
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
  });
  const backoff = new Backoff({ firstMs: 200, maxMs: 5000 });
  const onStatus = onlyChanges(options.onStatus ?? (() => undefined));
  const leave = () => void link.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    await link.start();
    while (!signal.aborted) {
      try {
        await using line = await SerialLine.open(device, baudRate);
        backoff.reset();
        onStatus(`on ${device}`);
        await serve(line, link, options);
      } catch (error) {
        onStatus(`waiting for ${device}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (!signal.aborted) await waitForDevice(device, backoff.next(), signal);
    }
  } finally {
    signal.removeEventListener('abort', leave);
    await link.close();
  }
}

/** One terminal after the other until the line is gone: there is no way to leave a serial line but to unplug it. */
async function serve(line: SerialLine, link: SupervisorLink, options: SerialConsoleOptions): Promise<void> {
  const { history, color, dumb = false, columns = 80, signal } = options;
  const hangUp = () => void line.close();
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    while (line.port.isOpen) {
      const terminal = new Terminal({
        input: line.port,
        output: line.port,
        host: link,
        history,
        columns: () => columns,
        color,
        dumb,
        terminal: true,
        greeting: await link.welcome(),
      });
      const tell = (text: string) => terminal.notice(text);
      link.on('change', tell);
      try {
        if ((await terminal.run()) === 'closed') return;
      } finally {
        link.off('change', tell);
      }
    }
  } finally {
    signal.removeEventListener('abort', hangUp);
  }
}

function onlyChanges(tell: (status: string) => void): (status: string) => void {
  let last: string | undefined;
  return (status) => {
    if (status !== last) tell(status);
    last = status;
  };
}
