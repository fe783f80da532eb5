import { closeSync, constants, openSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { TunError } from './errors.ts';
import type { Libc } from './libc.ts';

const CLONE_DEVICE = '/dev/net/tun';

/** Constants of linux/if_tun.h; the same on x86-64 and arm64. */
const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFF_TUN_EXCL = 0x8000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;

/** Bytes of struct ifreq of netdevice(7); the name is its first 16, with a zero at the end, the flags come next. */
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;

/**
 * Makes a TUN interface that lives as long as the descriptor is open: also after SIGKILL nothing of it stays. Each packet has
 * a header of virtio before it, and may be a whole train of TCP.
 *
 * @param name at most 15 characters
 * @returns a non-blocking descriptor, not inherited by child processes
 * @throws {TunError}
 */
export function openTun(libc: Libc, name: string): number {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(name))
    throw new TunError(
      'bad-name',
      `'${name}' is no name of an interface: give at most 15 letters and digits`,
    );
  const fd = openDevice();
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name, 'latin1');
    request.writeUInt16LE(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR, IFREQ_FLAGS);
    if (libc.ioctl(fd, TUNSETIFF, request) === -1) throw refusalOf(name, libc.errno());
    if (libc.ioctlValue(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) === -1)
      throw new TunError('failed', `the kernel takes no offload on ${name}: ${errorName(libc.errno())}`);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The name of an errno, as errno(3) has it. */
export function errorName(errno: number): string {
  return getSystemErrorName(-errno);
}

function openDevice(): number {
  try {
    // Node adds O_CLOEXEC.
    return openSync(CLONE_DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
      const message = `there is no ${CLONE_DEVICE}: load the driver with 'modprobe tun', or give the container the device`;
      throw new TunError('no-driver', message, { cause: error });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new TunError('not-permitted', `${CLONE_DEVICE} may not be opened by this user`, { cause: error });
    }
    throw error;
  }
}

function refusalOf(name: string, errno: number): TunError {
  const why = errorName(errno);
  if (why === 'EPERM')
    return new TunError(
      'not-permitted',
      `making the interface ${name} needs CAP_NET_ADMIN: put 'capabilities: [net_admin]' in the app's entry, or run as root`,
    );
  if (why === 'EBUSY' || why === 'EEXIST')
    return new TunError(
      'busy',
      `an interface ${name} is there already: stop what uses it, or choose another with --interface`,
    );
  return new TunError('failed', `the interface ${name} cannot be made: ${why}`);
}
