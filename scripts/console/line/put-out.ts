import type { SerialPort } from 'serialport';
import { type Calls, loadCalls } from './calls.ts';

/** `asm-generic/ioctls.h`: how many bytes the driver still has, and whether the chip has put out its own (TIOCSER_TEMT). */
const TIOCOUTQ = 0x5411;
const TIOCSERGETLSR = 0x5459;
const TIOCSER_TEMT = 1;

/** How often the driver is asked, in milliseconds. */
const ASK_MS = 20;

/**
 * Resolves when the driver has put out all that it was given, the line is gone, or the signal is aborted. tcdrain(3)
 * tells that too, but nothing ends it while a far end takes no bytes, not even the end of the program.
 */
export async function putOut(port: SerialPort, signal: AbortSignal): Promise<void> {
  const { ask } = await loadCalls();
  await untilTrue(() => !port.isOpen || isEmpty(port, ask), signal);
}

/** Asks until the answer is yes, or the signal is aborted. */
export async function untilTrue(isSo: () => boolean, signal: AbortSignal): Promise<void> {
  if (signal.aborted || isSo()) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (isSo()) resolve();
  }, ASK_MS);
  const leave = () => resolve();
  signal.addEventListener('abort', leave, { once: true });
  try {
    await promise;
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', leave);
  }
}

function isEmpty({ port: binding }: SerialPort, ask: Calls['ask']): boolean {
  if (binding === undefined || !('fd' in binding) || typeof binding.fd !== 'number') return true;
  if ((ask(binding.fd, TIOCOUTQ) ?? 0) > 0) return false;
  // Few drivers know their chip so well; where none does, closing the port waits for what it has.
  const state = ask(binding.fd, TIOCSERGETLSR);
  return state === undefined || (state & TIOCSER_TEMT) !== 0;
}
