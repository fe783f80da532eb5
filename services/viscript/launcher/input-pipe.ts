import { constants, open } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

/** Bytes that an app may leave unread before more is refused. */
const maxUnread = 1024 * 1024;

/** The writing end of the named pipe that is an app's standard input. */
export class InputPipe {
  readonly #stream: Socket;

  private constructor(stream: Socket) {
    this.#stream = stream;
    stream.on('error', () => stream.destroy());
  }

  static async open(path: string): Promise<InputPipe> {
    // Opened for both, it does not wait for the reader.
    const fd = await promisify(open)(path, constants.O_RDWR | constants.O_NONBLOCK);
    return new InputPipe(new Socket({ fd, readable: false, writable: true }));
  }

  write(data: string): boolean {
    if (this.#stream.destroyed || this.#stream.writableLength > maxUnread) return false;
    this.#stream.write(data);
    return true;
  }

  close(): void {
    this.#stream.destroy();
  }
}
