import { SerialPort } from 'serialport';

/** What goes down the line around a byte, and who may stop it; 8N1 without flow control where nothing else is said. */
export interface Framing {
  dataBits?: 5 | 6 | 7 | 8;
  stopBits?: 1 | 2;
  parity?: 'none' | 'even' | 'odd';
  /** Flow control by the lines RTS and CTS. */
  rtscts?: boolean;
  /** Flow control by the bytes XON and XOFF: whether the far end's are obeyed, and whether they are sent. */
  xon?: boolean;
  xoff?: boolean;
}

export interface PortOptions extends Framing {
  /** Path of the device. */
  path: string;
  baudRate: number;
  /** Bytes that are given to the driver at once. */
  highWaterMark?: number;
}

/** All that libuv can watch a descriptor for (`enum uv_poll_event`): readable, writable, disconnect. */
const EVERYTHING = 0b111;

/** Opens a serial line that closes when it is hung up. Rejects when it cannot be opened. */
export async function openPort(options: PortOptions): Promise<SerialPort> {
  const port = new SerialPort({ ...options, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null || error === undefined ? resolve() : reject(error)));
  });
  watchEverything(port);
  return port;
}

/**
 * Works round two faults of serialport 13 (src/poller.cpp and dist/unix-read.js of @serialport/bindings-cpp):
 * - whoever begins to wait for input ends the wait of a write for room, and the other way round; a write into a full
 *   line then hangs until somebody sends something;
 * - a line that is hung up in the middle of a read only ever reads as empty, and is read again for ever.
 */
function watchEverything(port: SerialPort): void {
  const binding = port.port;
  if (binding === undefined || !('poller' in binding)) return;
  const { poller } = binding;
  const poll = poller.poll.bind(poller);
  poller.poll = () => poll(EVERYTHING);
  poller.once('disconnect', () => {
    if (port.isOpen && !port.closing) port.close();
  });
}
