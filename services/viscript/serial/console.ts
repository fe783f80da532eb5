import { Backoff } from '../../signal/backoff.ts';
import type { ControlClient } from '../control/client.ts';
import type { History } from '../terminal/history.ts';
import { Terminal } from '../terminal/terminal.ts';
import { SerialLine, waitForDevice } from './line.ts';
import { logIn } from './login.ts';
import { type RescueConfig, RescueMenu } from './menu.ts';
import { BOARD_RESCUE, type RescueCommands } from './rescue.ts';
import type { RescueClient } from './rescue-client.ts';
import { SessionInput } from './session-input.ts';
import { openShell } from './shell.ts';
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
  /** The config of the supervisor, for when it is down. */
  config?: RescueConfig;
  /** Looks at passphrases, and does what needs rights. Without it the console is open. */
  guard?: RescueClient;
  /** Where there is a passphrase, a session in which nothing is typed for so long ends; 0: never. Default 0. */
  idleMs?: number;
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
  const { device, baudRate = 115_200, connect, color, columns = 80, signal } = options;
  const menu = menuOf(options);
  const link = new SupervisorLink({
    ...{ connect, menu, color, columns: () => columns },
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
  });
  const backoff = new Backoff({ firstMs: 200, maxMs: 5000 });
  const onStatus = onlyChanges(options.onStatus ?? (() => undefined));
  const leave = () => void link.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    link.start();
    while (!signal.aborted) {
      try {
        await using line = await SerialLine.open(device, baudRate);
        backoff.reset();
        onStatus(`on ${device}`);
        await serve(line, link, menu, options);
      } catch (error) {
        onStatus(`waiting for ${device}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (!signal.aborted && (await waitForDevice(device, backoff.next(), signal))) backoff.reset();
    }
  } finally {
    signal.removeEventListener('abort', leave);
    await link.close();
  }
}

function menuOf({ rescue = BOARD_RESCUE, config, guard }: SerialConsoleOptions): RescueMenu {
  return new RescueMenu({
    commands: rescue,
    ...(config === undefined ? {} : { config }),
    ...(guard === undefined ? {} : { otherSlot: () => guard.otherSlot() }),
  });
}

/** One session after the other until the line is gone: there is no way to leave a serial line but to unplug it. */
async function serve(
  line: SerialLine,
  link: SupervisorLink,
  menu: RescueMenu,
  options: SerialConsoleOptions,
): Promise<void> {
  const { guard, signal } = options;
  const { port } = line;
  const gone = new AbortController();
  const onGone = () => gone.abort();
  const hangUp = () => void line.close();
  port.once('close', onGone);
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    while (port.isOpen && !signal.aborted) {
      const isLocked = guard !== undefined && (await guard.isLocked());
      if (isLocked && !(await logIn(port, guard, gone.signal))) return;
      await link.known;
      if (!port.isOpen) return;
      await serveSession(port, link, isLocked ? (options.idleMs ?? 0) : 0, options);
      if (menu.takeShellWanted()) await openShell(port, guard, gone.signal);
    }
  } finally {
    port.off('close', onGone);
    signal.removeEventListener('abort', hangUp);
  }
}

/** From the greeting until somebody leaves, types nothing for too long, or the line goes. */
async function serveSession(
  port: SerialLine['port'],
  link: SupervisorLink,
  idleMs: number,
  { history, color, dumb = false, columns = 80 }: SerialConsoleOptions,
): Promise<void> {
  const input = new SessionInput(port, idleMs);
  try {
    const terminal = new Terminal({
      input,
      output: port,
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
      await terminal.run();
    } finally {
      link.off('change', tell);
    }
  } finally {
    input.destroy();
  }
  if (input.idle && port.isOpen) port.write('\r\nNobody typed anything for a while: logged out.\r\n');
}

function onlyChanges(tell: (status: string) => void): (status: string) => void {
  let last: string | undefined;
  return (status) => {
    if (status !== last) tell(status);
    last = status;
  };
}
