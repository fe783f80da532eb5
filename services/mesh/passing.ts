import { DescriptorError, type Descriptors, loadDescriptors, NOTE_BYTES } from '../net/descriptors.ts';
import { WideSocket } from '../net/wide-socket.ts';
import type { Peer } from '../signal/jsonrpc.ts';
import { dialNode, introduce } from './dial.ts';
import { greetedShape } from './first-line.ts';
import { type Held, heldShape, type Passer, type StreamHold, streamMethods } from './stream.ts';

/** The line over which an app passes sockets to its node; opened when the first one is to be passed. */
export class PassingLine implements Passer {
  readonly #node: string;
  readonly #token: string;
  readonly #peer: Peer;
  readonly #signal: AbortSignal;
  #opening: Promise<void> | undefined;
  #line: WideSocket | undefined;
  #descriptors: Descriptors | undefined;

  /** @param node path of its Unix socket. @param signal aborted when the registration is over */
  constructor(node: string, token: string, peer: Peer, signal: AbortSignal) {
    this.#node = node;
    this.#token = token;
    this.#peer = peer;
    this.#signal = signal;
  }

  async hold(id: number): Promise<Held> {
    this.#opening ??= this.#open();
    await this.#opening;
    return this.#peer.call(streamMethods.hold, { id } satisfies StreamHold, heldShape);
  }

  send(id: number, descriptor: number): void {
    const over = this.#line?.descriptor;
    if (over === undefined || this.#descriptors === undefined)
      throw new DescriptorError('the line to the node is closed');
    this.#descriptors.send(over, descriptor, noteOf(id));
  }

  async #open(): Promise<void> {
    this.#descriptors = await loadDescriptors();
    const line = await dialNode(this.#node, () => new WideSocket(), this.#signal);
    const close = () => line.destroy();
    this.#signal.addEventListener('abort', close, { once: true });
    line.once('close', () => this.#signal.removeEventListener('abort', close));
    await introduce(line, { want: 'pass', token: this.#token }, greetedShape, this.#signal);
    // Nothing comes any more but the end.
    this.#line = line.resume();
  }
}

/** What goes with a descriptor: the number of its stream. */
export function noteOf(id: number): Buffer {
  const note = Buffer.alloc(NOTE_BYTES);
  note.writeBigUInt64BE(BigInt(id));
  return note;
}
