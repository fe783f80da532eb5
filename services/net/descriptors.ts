/** Passing open descriptors between processes over a Unix socket (unix(7), SCM_RIGHTS), which Node.js itself does not. */

/** Bytes that go with each descriptor and say what it is. */
export const NOTE_BYTES = 8;

export interface Descriptors {
  /**
   * Sends a descriptor; the sender keeps its own. The other end has it as soon as this returns.
   * @param over descriptor of a connected Unix socket
   * @param note {@link NOTE_BYTES} bytes
   * @throws {DescriptorError} when nothing was sent
   */
  send(over: number, descriptor: number, note: Buffer): void;
  /** Takes the next one; it is the receiver's to close. @throws {DescriptorError} when there is none, or something else */
  receive(over: number): { descriptor: number; note: Buffer };
}

/** A descriptor could not be passed. */
export class DescriptorError extends Error {
  override readonly name = 'DescriptorError';
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** struct msghdr, struct iovec and a control message with one descriptor, as 64-bit Linux lays them out. */
const HEADER_BYTES = 56;
const VECTOR_BYTES = 16;
const CONTROL_BYTES = 20;
const CONTROL_HEAD_BYTES = 16;

let loaded: Promise<Descriptors> | undefined;

/** @throws {DescriptorError} when this platform has not been tried, or koffi has no native part for it */
export function loadDescriptors(): Promise<Descriptors> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Descriptors> {
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64'))
    throw new DescriptorError(`descriptors are not passed on ${process.platform} ${process.arch}`);
  const { default: koffi } = await import('koffi').catch((cause: unknown) => {
    throw new DescriptorError('koffi cannot be loaded', { cause });
  });
  const libc = koffi.load('libc.so.6');
  const sendmsg = libc.func('long sendmsg(int fd, void *message, int flags)');
  const recvmsg = libc.func('long recvmsg(int fd, void *message, int flags)');
  const failed = (call: string) => new DescriptorError(`${call}: errno ${koffi.errno()}`);
  // One message at a time, made and used within one call.
  const note = Buffer.allocUnsafeSlow(NOTE_BYTES);
  const vector = Buffer.alloc(VECTOR_BYTES);
  const control = Buffer.allocUnsafeSlow(CONTROL_BYTES);
  const header = Buffer.alloc(HEADER_BYTES);
  vector.writeBigUInt64LE(koffi.address(note), 0);
  vector.writeBigUInt64LE(BigInt(NOTE_BYTES), 8);
  const prepare = () => {
    header.fill(0);
    header.writeBigUInt64LE(koffi.address(vector), 16);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(koffi.address(control), 32);
    // Room for one descriptor: what is sent beyond it the kernel closes.
    header.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
  };
  return {
    send(over, descriptor, word) {
      if (word.length !== NOTE_BYTES)
        throw new RangeError(`a note has ${NOTE_BYTES} bytes, not ${word.length}`);
      prepare();
      word.copy(note);
      control.writeBigUInt64LE(BigInt(CONTROL_BYTES), 0);
      control.writeInt32LE(SOL_SOCKET, 8);
      control.writeInt32LE(SCM_RIGHTS, 12);
      control.writeInt32LE(descriptor, CONTROL_HEAD_BYTES);
      if (sendmsg(over, header, MSG_DONTWAIT | MSG_NOSIGNAL) !== NOTE_BYTES) throw failed('sendmsg');
    },
    receive(over) {
      prepare();
      control.fill(0);
      const bytes: number = recvmsg(over, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (bytes < 0) throw failed('recvmsg');
      const came =
        header.readBigUInt64LE(40) === BigInt(CONTROL_BYTES) && control.readInt32LE(12) === SCM_RIGHTS;
      if (!came) throw new DescriptorError('what came is no descriptor');
      return { descriptor: control.readInt32LE(CONTROL_HEAD_BYTES), note: Buffer.from(note) };
    },
  };
}
