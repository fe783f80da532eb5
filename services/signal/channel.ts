/** A connection that carries whole texts in order. Whoever makes one gives it to one {@link Peer}. */
export interface Channel {
  /** Does nothing once the channel is closed. */
  send(text: string): void;
  /** Sends what is queued, then closes; what the other end does not take within a second is dropped. */
  close(code?: number, reason?: string): void;
  onMessage(callback: (text: string) => void): void;
  /** Called once, also when the channel is closed already. */
  onClose(callback: (reason: string) => void): void;
  /** Resolves when the other end has taken what was sent so far, or when the channel is closed. */
  drained(): Promise<void>;
}

/** Largest message, in bytes of UTF-8, where no other bound is given. */
export const defaultMaxBytes = 1024 * 1024;

/** Unsent bytes after which the other end counts as not reading, where no other bound is given. */
export const defaultMaxBuffered = 16 * 1024 * 1024;

/** How long a closing channel waits for the other end to take the last messages. */
export const closeTimeoutMs = 1_000;

/** Codes with which a WebSocket is closed (RFC 6455, section 7.4.1). */
export const closeCode = { normal: 1000, goingAway: 1001, protocol: 1002, policy: 1008 } as const;
