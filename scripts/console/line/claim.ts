import { close as closeDescriptor, constants, fstatSync, open as openDescriptor } from 'node:fs';
import { promisify } from 'node:util';
import type { SerialPort } from 'serialport';
import { type Calls, loadCalls } from './calls.ts';

const openFile = promisify(openDescriptor);
const closeFile = promisify(closeDescriptor);

/** flock(2): LOCK_EX | LOCK_NB. */
const LOCK = 2 | 4;
const UNLOCK = 8;
/** `asm-generic/ioctls.h`: further opens are refused, but for root's; and allowed again. */
const TIOCEXCL = 0x540c;
const TIOCNXCL = 0x540d;
/** `linux/major.h`: UNIX98_PTY_SLAVE_MAJOR and UNIX98_PTY_MAJOR_COUNT. */
const PTY_SLAVE = 136n;
const PTY_MAJORS = 8n;

/** Somebody else has the port. */
export class PortInUse extends Error {
  override readonly name = 'PortInUse';
}

/**
 * Opens a port that nobody else has, and keeps others from it as long as it is open: those that ask for flock(2), as
 * tio does, and with TIOCEXCL those that do not; on a pty the lock alone. Without this the settings of a port would
 * change under whoever has it: the library sets them before it asks for the lock.
 *
 * @throws {PortInUse}
 */
export async function openAlone<T extends { readonly port: SerialPort }>(
  device: string,
  open: () => Promise<T>,
): Promise<T> {
  const { flock, ioctl } = await loadCalls();
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
  const probe = await openFile(device, O_RDWR | O_NOCTTY | O_NONBLOCK).catch((cause: unknown) => {
    const busy = cause instanceof Error && 'code' in cause && cause.code === 'EBUSY';
    throw busy ? new PortInUse(`${device} is in use by another program`, { cause }) : cause;
  });
  try {
    if (flock(probe, LOCK) !== 0) throw new PortInUse(`${device} is in use by another program`);
    flock(probe, UNLOCK);
    // The probe stays open until the port is: a line that nobody has open drops DTR, and resets some boards.
    const opened = await open();
    keepOthersOut(opened.port, ioctl);
    return opened;
  } finally {
    await closeFile(probe);
  }
}

function keepOthersOut(port: SerialPort, ioctl: Calls['ioctl']): void {
  const binding = port.port;
  if (binding === undefined || !('fd' in binding) || typeof binding.fd !== 'number') return;
  const { fd } = binding;
  // A pty whose master stays open, as QEMU's does, would stay closed to others for ever once this program is killed.
  if (isPtySlave(fstatSync(fd, { bigint: true }).rdev)) return;
  ioctl(fd, TIOCEXCL, 0);
  // As it would for as long as somebody has the port who had it before.
  const close = binding.close.bind(binding);
  binding.close = () => {
    if (binding.isOpen) ioctl(fd, TIOCNXCL, 0);
    return close();
  };
}

/** @param device number of a device, as glibc puts it together of major and minor (`bits/sysmacros.h`) */
function isPtySlave(device: bigint): boolean {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  return major >= PTY_SLAVE && major < PTY_SLAVE + PTY_MAJORS;
}
