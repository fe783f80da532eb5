/** The system calls on a TUN device that Node lacks, through koffi. Each returns -1 on failure; then ask {@link Libc.errno}. */
export interface Libc {
  /** ioctl(2) with a pointer as its argument. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  /** ioctl(2) with a number as its argument. */
  ioctlValue(fd: number, request: number, argument: number): number;
  read(fd: number, buffer: Uint8Array, length: number): number;
  write(fd: number, buffer: Uint8Array, length: number): number;
  /** Number of the last failure, as in errno(3). */
  errno(): number;
  /**
   * Calls back from the event loop for as long as `fd` is readable or broken. The callback runs outside of Node's own
   * bookkeeping: what it throws is lost, and promises do not go on behind it.
   */
  poll(fd: number, callback: () => void): { close(): void };
}

/** @throws when koffi has no native part for this platform, or libc is not glibc */
export async function loadLibc(): Promise<Libc> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  return {
    ioctl: libc.func('int ioctl(int fd, unsigned long request, void *argument)'),
    ioctlValue: libc.func('int ioctl(int fd, unsigned long request, unsigned long argument)'),
    read: libc.func('long read(int fd, void *buffer, size_t length)'),
    write: libc.func('long write(int fd, void *buffer, size_t length)'),
    errno: () => koffi.errno(),
    poll: (fd, callback) => koffi.node.poll(fd, { readable: true, disconnect: true }, callback),
  };
}
