import { closeSync, fstatSync } from 'node:fs';
import { noteOf } from '../../mesh/passing.ts';
import { MeshError } from '../../mesh/types.ts';
import { DescriptorError, type Descriptors } from '../../net/descriptors.ts';
import { WideSocket } from '../../net/wide-socket.ts';

/** The line over which an app sends its sockets: each goes on in the place of one of its streams. */
export class PassedSockets {
  readonly #line: WideSocket;
  readonly #descriptors: Descriptors;

  /** @param line nothing else reads from it */
  constructor(line: WideSocket, descriptors: Descriptors) {
    this.#line = line;
    this.#descriptors = descriptors;
  }

  /** Takes the socket that was sent for this stream. @throws {MeshError} when there is none, or something else */
  take(id: number): WideSocket {
    const descriptor = this.#receive(id);
    try {
      // A descriptor of something else would be read and written too, if it were a file or a terminal.
      if (!fstatSync(descriptor).isSocket()) throw new MeshError('invalid', 'what was passed is no socket');
      const socket = new WideSocket({ fd: descriptor, allowHalfOpen: true });
      // One that breaks closes, and whoever has it hears of that.
      return socket.on('error', () => undefined);
    } catch (cause) {
      closeSync(descriptor);
      if (cause instanceof MeshError) throw cause;
      throw new MeshError('invalid', `what was passed cannot carry a stream: ${cause}`, { cause });
    }
  }

  close(): void {
    this.#line.destroy();
  }

  #receive(id: number): number {
    const over = this.#line.descriptor;
    if (over === undefined) throw new MeshError('invalid', 'the line for sockets is closed');
    try {
      const { descriptor, note } = this.#descriptors.receive(over);
      if (note.equals(noteOf(id))) return descriptor;
      closeSync(descriptor);
    } catch (cause) {
      if (!(cause instanceof DescriptorError)) throw cause;
      throw new MeshError('invalid', 'no socket was passed', { cause });
    }
    throw new MeshError('invalid', 'the socket that was passed is for another stream');
  }
}
