import { ImageError } from '../../../image/error.ts';
import { Backoff } from '../../../services/signal/backoff.ts';
import { LineError, SerialLine, waitForChange } from '../../../services/viscript/serial/line.ts';
import type { Port } from '../ports/port.ts';
import { openAlone, PortInUse } from './claim.ts';
import { putOut } from './put-out.ts';
import { Sender } from './sender.ts';
import type { LineSettings } from './settings.ts';

export type LineState =
  | { kind: 'connected'; device: string; since: Date }
  /** `reason` goes on after the name of the port: `not plugged in`. */
  | { kind: 'waiting'; reason: string; since: Date };

/**
 * When to give up: never, but at a port that is there and cannot be had at the first try; whatever happens, not even
 * then; or at the first thing that is not as it should be.
 */
export type Patience = 'until-refused' | 'for-ever' | 'none';

export interface KeptLineOptions {
  port: Port;
  settings: LineSettings;
  patience: Patience;
  onData: (bytes: Buffer) => void;
  onState: (state: LineState) => void;
}

/** How long a BREAK lasts, in milliseconds: as tcsendbreak(3) has it. */
const BREAK_MS = 300;

/** A serial line that is opened again whenever its port is there: after an adapter was unplugged, or a board in QEMU ended. */
export class KeptLine {
  readonly #options: KeptLineOptions;
  #state: LineState = { kind: 'waiting', reason: 'opening it', since: new Date() };
  #line: SerialLine | undefined;
  #sender: Sender | undefined;
  #sentBefore = 0;
  #everOpen = false;

  constructor(options: KeptLineOptions) {
    this.#options = options;
  }

  get state(): LineState {
    return this.#state;
  }

  /** Bytes that went down the line. */
  get sent(): number {
    return this.#sentBefore + (this.#sender?.sent ?? 0);
  }

  /** Bytes that wait for it. */
  get queued(): number {
    return this.#sender?.queued ?? 0;
  }

  /**
   * Keeps the line until the signal is aborted.
   *
   * @throws {ImageError} when patience is at its end
   */
  async run(signal: AbortSignal): Promise<void> {
    const { port } = this.#options;
    const backoff = new Backoff({ firstMs: 100, maxMs: 2000 });
    for (let isFirstTry = true; !signal.aborted; isFirstTry = false) {
      const failure = await this.#connect(signal, backoff);
      if (signal.aborted) return;
      this.#giveUpOn(failure, isFirstTry);
      this.#enter({ kind: 'waiting', reason: failure.reason, since: new Date() });
      const { folder, wanted } = port.watched;
      if (await waitForChange(folder, wanted, backoff.next(), signal)) backoff.reset();
    }
  }

  /** @returns false when there is no line to send it on: it is lost then */
  send(bytes: Buffer): boolean {
    this.#sender?.add(bytes);
    return this.#sender !== undefined;
  }

  /** Resolves when no more than so many bytes wait, or the line is gone. */
  async atMost(limit: number): Promise<void> {
    await this.#sender?.atMost(limit);
  }

  /** Throws away what waits; returns how many bytes that was. */
  drop(): number {
    return this.#sender?.drop() ?? 0;
  }

  /** Resolves when the line has put out everything or is gone, or the signal is aborted. */
  async drained(signal: AbortSignal): Promise<void> {
    await this.atMost(0);
    const port = this.#line?.port;
    if (port !== undefined) await putOut(port, signal);
  }

  /** Sends a BREAK. @throws {ImageError} where there is no line, or one that cannot carry it */
  async sendBreak(): Promise<void> {
    const port = this.#line?.port;
    if (port === undefined) throw new ImageError('no line is open');
    await set(port, true);
    await new Promise((resolve) => setTimeout(resolve, BREAK_MS));
    if (port.isOpen) await set(port, false);
  }

  /** Serves the line until it is gone. @returns why there is none now */
  async #connect(signal: AbortSignal, backoff: Backoff): Promise<Failure> {
    const { port, settings } = this.#options;
    const device = await port.find();
    if (device === undefined)
      return { reason: this.#everOpen ? 'unplugged' : 'not there yet', refused: false };
    try {
      const open = () => SerialLine.open(device, settings.baudRate, settings.framing);
      await using line = await openAlone(device, open);
      backoff.reset();
      this.#everOpen = true;
      await this.#serve(line, device, signal);
      return { reason: 'unplugged', refused: false };
    } catch (error) {
      if (!(error instanceof LineError || error instanceof PortInUse || isSystemError(error))) throw error;
      // It may have gone between the look and the opening.
      return { reason: reasonOf(error), refused: (await port.find()) !== undefined };
    }
  }

  async #serve(line: SerialLine, device: string, signal: AbortSignal): Promise<void> {
    const { settings, onData } = this.#options;
    const closed = Promise.withResolvers<void>();
    const leave = () => closed.resolve();
    signal.addEventListener('abort', leave, { once: true });
    this.#line = line;
    const sender = new Sender(line.port, settings.pacing);
    this.#sender = sender;
    line.port.once('close', leave);
    line.port.on('data', onData);
    this.#enter({ kind: 'connected', device, since: new Date() });
    try {
      if (line.port.isOpen && !signal.aborted) await closed.promise;
    } finally {
      signal.removeEventListener('abort', leave);
      line.port.off('data', onData);
      this.#line = undefined;
      this.#sender = undefined;
      this.#sentBefore += sender.sent;
      sender.close();
      const lost = sender.queued === 0 ? '' : `, ${sender.queued} bytes were not sent`;
      if (!signal.aborted) this.#enter({ kind: 'waiting', reason: `unplugged${lost}`, since: new Date() });
    }
  }

  #enter(state: LineState): void {
    const before = this.#state;
    // The same again is no news, nor is it that what was unplugged is not there.
    const isNews =
      state.kind === 'connected' ||
      before.kind === 'connected' ||
      (state.reason !== before.reason &&
        !(state.reason === 'unplugged' && before.reason.startsWith('unplugged')));
    if (!isNews) return;
    this.#state = state;
    this.#options.onState(state);
  }

  /** Who has just been plugged in is often refused at first: udev has not let anybody in, or ModemManager looks at it. */
  #giveUpOn({ reason, refused }: Failure, isFirstTry: boolean): void {
    const { port, patience } = this.#options;
    if (patience === 'none' || (patience === 'until-refused' && refused && isFirstTry))
      throw new ImageError(`${port.label}: ${reason}`);
  }
}

/** Why a line could not be had, or is no more. */
interface Failure {
  /** Goes on after the name of the port. */
  reason: string;
  /** The port is there, and cannot be had. */
  refused: boolean;
}

function set(port: SerialLine['port'], brk: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    port.set({ brk }, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(new ImageError('this line cannot carry a break', { cause: error }));
    });
  });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

function reasonOf(error: Error): string {
  if ('code' in error && error.code === 'EACCES')
    return "permission denied; add your user to the group 'dialout', and log in again";
  return error.message.replace(/^cannot open /, '');
}
