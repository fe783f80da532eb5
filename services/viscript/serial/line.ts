import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { SerialPort } from 'serialport';
import { type Framing, openPort } from './port.ts';

/** A serial line that cannot be opened. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

/** An open serial line. Closes by itself when the device vanishes, is replaced or is hung up. */
export class SerialLine {
  readonly port: SerialPort;
  readonly #device: string;
  readonly #check: NodeJS.Timeout;
  #identity: string | undefined;

  private constructor(port: SerialPort, device: string) {
    this.port = port;
    this.#device = device;
    this.#check = setInterval(() => void this.#closeIfGone(), CHECK_MS);
    port.once('close', () => clearInterval(this.#check));
    // What a write meets on a line that has just gone; the line closes.
    port.on('error', () => void this.close());
  }

  /** @throws {LineError} when there is no such device, it is in use, or it does not know the rate */
  static async open(device: string, baudRate: number, framing: Framing = {}): Promise<SerialLine> {
    try {
      // Little is given to the driver at once, so that Ctrl-C stops a long output soon.
      const port = await openPort({ ...framing, path: device, baudRate, highWaterMark: 4096 });
      // Before anything else is waited for: the line may go at any time.
      const line = new SerialLine(port, device);
      line.#identity = await identityOf(device);
      return line;
    } catch (cause) {
      throw new LineError(`cannot open ${device}: ${messageOf(cause)}`, { cause });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    if (!this.port.isOpen) return;
    // A write that waits for room fails then: the stream says so with `error`, and may say `close` before it is closed.
    await new Promise<void>((resolve) => {
      this.port.close((error) => {
        // The descriptor is given up all the same; those who wait for `close` are told here.
        if (error) this.port.destroy();
        resolve();
      });
    });
  }

  /**
   * A line that is hung up while bytes wait in it only ever reads as empty, and its reader notices nothing: so look
   * whether the device is still the same and still answers.
   */
  async #closeIfGone(): Promise<void> {
    const identity = await identityOf(this.#device);
    if (identity !== undefined && identity === this.#identity && (await this.#answers())) return;
    await this.close();
  }

  async #answers(): Promise<boolean> {
    try {
      await this.port.port?.getBaudRate();
      return true;
    } catch {
      // Whatever the reason: a line whose settings cannot be read is opened anew.
      return false;
    }
  }
}

/** As {@link waitForChange}, for the device's name. */
export function waitForDevice(device: string, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return waitForChange(dirname(device), (name) => name === basename(device), milliseconds, signal);
}

/**
 * Resolves after the time, or sooner when something that is `wanted` comes into the folder or goes, or `signal` is
 * aborted. What is written to a device, or who may open it, is no change.
 *
 * @returns whether something came or went: udev may let nobody in yet, so whoever is refused tries again soon
 */
export async function waitForChange(
  folder: string,
  wanted: (name: string) => boolean,
  milliseconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  const onAbort = () => resolve(false);
  signal.addEventListener('abort', onAbort, { once: true });
  const watcher = watchFolder(folder, wanted, resolve);
  try {
    return !signal.aborted && (await promise);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    watcher?.close();
  }
}

/** How often an open line is looked at (milliseconds). */
const CHECK_MS = 1000;

/** Which device has this name now; undefined when there is none, or it cannot be looked at: then it is opened anew. */
async function identityOf(device: string): Promise<string | undefined> {
  try {
    const { dev, ino, rdev } = await stat(device);
    return `${dev}:${ino}:${rdev}`;
  } catch {
    return undefined;
  }
}

function watchFolder(
  folder: string,
  wanted: (name: string) => boolean,
  onEnd: (hasChanged: boolean) => void,
): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (event, name) => {
      // Each write to a terminal is a `change` of /dev.
      if (event === 'rename' && name !== null && wanted(name)) onEnd(true);
    });
    watcher.on('error', () => onEnd(false));
    return watcher;
  } catch {
    // No such folder yet, or no watches left: the time alone decides.
    return undefined;
  }
}

/** The reason alone: the library says `Error: REASON, cannot open DEVICE`. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^Error: /, '').replace(/, cannot open .*$/, '');
}
