import { EventEmitter } from 'node:events';
import type { ChannelEvents, MeshChannel, Remote } from '../../mesh/types.ts';

/** Bytes that one datagram may have: it goes in one note. */
export const maxDatagramBytes = 65_000;
/** Datagrams that go together in a note have at most this many bytes, so that the note fits a packet of UDP. */
const togetherBytes = 1_380;

export interface ChannelHost {
  sendDatagrams(channel: number, payloads: readonly Buffer[]): void;
  channelGone(channel: CircuitChannel): void;
}

/** One end of a channel in a circuit. */
export class CircuitChannel extends EventEmitter<ChannelEvents> implements MeshChannel {
  readonly id: number;
  readonly remote: Remote;
  readonly app: string;
  readonly maxBytes = maxDatagramBytes;
  /** What has no room on a link is dropped there. */
  readonly isFull = false;
  readonly #host: ChannelHost;
  #over = false;

  constructor(id: number, app: string, remote: Remote, host: ChannelHost) {
    super();
    this.id = id;
    this.app = app;
    this.remote = remote;
    this.#host = host;
  }

  send(payloads: readonly Buffer[]): number {
    if (this.#over) return payloads.length;
    let together: Buffer[] = [];
    let bytes = 0;
    for (const payload of payloads) {
      if (payload.length > maxDatagramBytes)
        throw new RangeError(`a datagram has at most ${maxDatagramBytes} bytes, not ${payload.length}`);
      const cost = payload.length + 2;
      if (together.length > 0 && bytes + cost > togetherBytes) {
        this.#host.sendDatagrams(this.id, together);
        together = [];
        bytes = 0;
      }
      together.push(payload);
      bytes += cost;
    }
    if (together.length > 0) this.#host.sendDatagrams(this.id, together);
    return 0;
  }

  close(reason = 'the app has closed the channel'): void {
    if (this.#over) return;
    this.#host.channelGone(this);
    this.over(reason);
  }

  receive(payloads: readonly Buffer[]): void {
    for (const payload of payloads) this.emit('message', payload);
  }

  /** The other end, or the circuit, has ended it. */
  over(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.emit('close', reason);
  }
}
