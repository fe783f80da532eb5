import type { Duplex } from 'node:stream';
import type { Session, SessionOptions } from './session.ts';
import { type Afterwards, acceptSession, type HandshakeLimits } from './stream.ts';

/** Handshakes that may run at the same time. */
export const maxHandshakes = 64;

/** Where streams come in of which nobody knows yet who is at their other end. */
export class Doorway {
  /** In the order in which they came. */
  readonly #waiting = new Set<Duplex>();

  /**
   * As {@link acceptSession}; of too many the one that has waited for longest makes room for another.
   *
   * @throws {SessionRefused} or the signal's reason; the stream is destroyed then
   */
  async accept(stream: Duplex, options: SessionOptions & HandshakeLimits & Afterwards): Promise<Session> {
    this.#waiting.add(stream);
    const [longest] = this.#waiting;
    // Whoever means it is through in some milliseconds, and so is not the one that has waited for longest.
    if (this.#waiting.size > maxHandshakes && longest) {
      this.#waiting.delete(longest);
      longest.destroy();
    }
    try {
      return await acceptSession(stream, options);
    } finally {
      this.#waiting.delete(stream);
    }
  }
}
